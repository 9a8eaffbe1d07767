"""The TensorRT backend on a GPU made of main memory, below the upscaler."""

from __future__ import annotations

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from engine_cases import ORIN, make_sidecar, metadata_of
from fake_gpu import FakeCuda, FakeNetwork, Stream
from numpy.typing import NDArray
from scale_cases import write_model

import amsr_deploy
from amsr_deploy import native
from amsr_deploy.errors import BackendError, EngineError
from amsr_deploy.runtime.backends.tensorrt import backend, plugins
from amsr_deploy.runtime.backends.tensorrt.backend import Engine, TensorRtBackend
from amsr_deploy.runtime.backends.tensorrt.edition import Edition
from amsr_deploy.runtime.backends.tensorrt.stream import GpuStream
from amsr_deploy.runtime.shipped import shipped_model
from amsr_deploy.runtime.upscaler import Upscaler

MODEL = shipped_model("fsrcnn")


def make_backend(gpu: FakeCuda, model: Path = MODEL, **changes: object) -> TensorRtBackend:
    sidecar = make_sidecar(metadata_of(model), **changes)
    return TensorRtBackend(Path("fsrcnn.engine"), sidecar, FakeNetwork(model, gpu), gpu, "fake GPU")


def test_equals_the_cpu_in_tiles_that_the_engine_takes(gpu: FakeCuda, photo: NDArray[np.float32]) -> None:
    upscaler = Upscaler(make_backend(gpu))
    assert max(photo.shape) > 96  # more than one tile
    expected = amsr_deploy.load("fsrcnn", device="cpu", strategy="fixed").upscale(photo)
    actual = Upscaler(make_backend(gpu), strategy="fixed").upscale(photo)
    np.testing.assert_allclose(actual, expected, atol=1e-5)
    assert upscaler.backend == "fake GPU"


@pytest.mark.parametrize("scale", [2, 3])
def test_engines_of_any_scale(scale: int, gpu: FakeCuda, tmp_path: Path, photo: NDArray[np.float32]) -> None:
    model = write_model(tmp_path / "model.onnx", scale, mode="cubic")
    result = Upscaler(make_backend(gpu, model)).upscale(photo)
    assert result.shape == (90 * scale, 120 * scale, 3)
    np.testing.assert_allclose(result, amsr_deploy.load(model, device="cpu").upscale(photo), atol=1e-5)


def test_flat_pictures_have_an_empty_index(gpu: FakeCuda) -> None:
    flat = np.full((20, 30, 3), 0.5, dtype=np.float32)
    expected = amsr_deploy.load("fsrcnn", device="cpu").upscale(flat)
    np.testing.assert_allclose(Upscaler(make_backend(gpu)).upscale(flat), expected, atol=1e-5)


def test_pictures_in_threads_come_back_right(gpu: FakeCuda) -> None:
    backend = make_backend(gpu)
    random = np.random.default_rng(0)
    pictures = [random.random((20 + n % 3, 30, 3), dtype=np.float32) for n in range(24)]
    alone = Upscaler(make_backend(FakeCuda()))
    together = Upscaler(backend)
    with ThreadPoolExecutor(together.concurrency) as threads:
        results = list(threads.map(together.upscale, pictures))
    for picture, result in zip(pictures, results, strict=True):
        np.testing.assert_allclose(result, alone.upscale(picture), atol=1e-5)


def test_smaller_tiles_where_the_gpu_is_full(photo: NDArray[np.float32], caplog: pytest.LogCaptureFixture) -> None:
    expected = amsr_deploy.load("fsrcnn", device="cpu").upscale(photo)
    profile = make_sidecar(metadata_of(MODEL)).profile | {"image": ((1, 3, 8, 8), (1, 3, 64, 64), (1, 3, 200, 200))}
    gpu = FakeCuda(budget=3_000_000)
    upscaler = Upscaler(make_backend(gpu, profile=profile))
    result = upscaler.upscale(photo)
    assert "out of memory; trying again with tiles of 64x64" in caplog.text
    np.testing.assert_allclose(result, expected, atol=1e-5)


def test_pictures_beyond_the_profile_are_refused(gpu: FakeCuda) -> None:
    backend = make_backend(gpu)
    index = np.arange(3)
    with pytest.raises(EngineError, match=r"takes pictures from 8x8 to 64x96, not 64x97.*--max-shape"):
        backend.run(np.zeros((1, 3, 64, 97), dtype=np.float32), {"index": index})
    with pytest.raises(EngineError, match="not 7x8"):
        backend.run(np.zeros((1, 3, 7, 8), dtype=np.float32), {"index": index})


def test_as_many_pictures_at_a_time_as_there_are_cores(gpu: FakeCuda, monkeypatch: pytest.MonkeyPatch) -> None:
    for cores, pictures in ((1, 3), (8, 8), (200, backend.MOST_AT_ONCE)):
        monkeypatch.setattr(backend, "usable_cores", lambda cores=cores: cores)
        assert make_backend(gpu).concurrency == pictures


class TestClosing:
    picture = np.random.default_rng(0).random((20, 30, 3), dtype=np.float32)

    @staticmethod
    def assert_empty(gpu: FakeCuda) -> None:
        assert (gpu.used, gpu.pinned, gpu.graphs, gpu.streams) == (0, 0, 0, [])

    def test_leaving_the_block_gives_everything_back(self, gpu: FakeCuda) -> None:
        backend = make_backend(gpu)
        with Upscaler(backend) as upscaler:
            for _ in range(4):
                upscaler.upscale(self.picture)
            assert gpu.used > 0
        self.assert_empty(gpu)
        assert backend.network.is_closed
        upscaler.close()
        with pytest.raises(BackendError, match="was closed"):
            upscaler.upscale(self.picture)

    def test_so_does_the_last_reference(self, gpu: FakeCuda) -> None:
        upscaler = Upscaler(make_backend(gpu))
        upscaler.upscale(self.picture)
        assert gpu.used > 0
        del upscaler
        self.assert_empty(gpu)

    def test_so_does_a_stream_that_cannot_be_opened(self, gpu: FakeCuda, monkeypatch: pytest.MonkeyPatch) -> None:
        def only_one() -> Stream:
            if gpu.streams:
                raise BackendError("no more streams")
            return FakeCuda.stream(gpu)

        monkeypatch.setattr(gpu, "stream", only_one)
        network = FakeNetwork(MODEL, gpu)
        with pytest.raises(BackendError, match="no more streams"):
            TensorRtBackend(Path("fsrcnn.engine"), make_sidecar(metadata_of(MODEL)), network, gpu, "fake GPU")
        self.assert_empty(gpu)
        assert network.is_closed

    def test_threads_that_close_at_once_do_not_wait_for_each_other(self, gpu: FakeCuda) -> None:
        backend = make_backend(gpu)
        both_have_one, streams = threading.Barrier(2), backend._streams

        def get() -> GpuStream:
            stream = streams.get()
            with contextlib.suppress(threading.BrokenBarrierError):
                both_have_one.wait(timeout=0.2)
            return stream

        backend._streams = SimpleNamespace(get=get, put=streams.put)  # type: ignore[assignment]
        closers = [threading.Thread(target=backend.close, daemon=True) for _ in range(2)]
        for closer in closers:
            closer.start()
        for closer in closers:
            closer.join(timeout=60)
        assert not any(closer.is_alive() for closer in closers)
        self.assert_empty(gpu)


class FakeTensorRt(ModuleType):
    """`tensorrt`, which loads an engine where its plugins are known, and says so where they are not."""

    class ILogger:
        WARNING, ERROR = 3, 1

    def __init__(self, needs_plugins: bool, library_helps: bool = True, own_code: bool = True) -> None:
        self.own_code = own_code
        super().__init__("tensorrt")
        self.__version__ = "10.3.0"
        self.knows_plugins, self.library_helps = not needs_plugins, library_helps
        self.registry = SimpleNamespace(load_library=self.load_library, all_creators=[])
        self.get_plugin_registry = lambda: self.registry
        self.Runtime = lambda logger: FakeRuntime(self, logger)

    def load_library(self, path: str) -> str:
        self.knows_plugins = self.library_helps
        self.registry.all_creators.append(SimpleNamespace(name="A", plugin_namespace="amsr", plugin_version="1"))
        return path


class FakeRuntime:
    """`trt.Runtime`, which registers the library inside an engine once."""

    def __init__(self, trt: FakeTensorRt, logger: Any) -> None:
        self.trt, self.logger = trt, logger
        self.has_registered = self.engine_host_code_allowed = False

    def deserialize_cuda_engine(self, _: bytes) -> str | None:
        assert self.engine_host_code_allowed == self.trt.own_code
        if self.has_registered or not self.trt.knows_plugins:
            cause = "plugin creator exists already" if self.has_registered else "no plugin creator"
            self.logger.log(FakeTensorRt.ILogger.ERROR, cause)
            self.has_registered = True
            return None
        return "an engine"


class TestPluginsOfTheMachine:
    @staticmethod
    def load(trt: FakeTensorRt) -> Engine:
        sidecar = make_sidecar(metadata_of(MODEL), edition="tensorrt", plugins="1")
        return Engine(Path("a.engine"), sidecar, Edition("tensorrt", trt), ORIN, b"an engine", True, trt.own_code)

    def test_are_found_where_the_build_installs_them(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("AMSR_TENSORRT_PLUGINS", raising=False)
        monkeypatch.setattr(native, "__file__", str(tmp_path / "__init__.py"))
        assert plugins.plugin_library() is None
        (tmp_path / plugins._FILE_NAME).touch()
        assert plugins.plugin_library() == tmp_path / plugins._FILE_NAME

    def test_take_the_place_of_those_that_an_engine_fails_to_load(
        self, library: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        self.load(FakeTensorRt(needs_plugins=True))
        assert "a.engine does not load with its own plugins (no plugin creator)" in caplog.text

    def test_run_an_engine_whose_own_may_not(self, library: Path, caplog: pytest.LogCaptureFixture) -> None:
        self.load(FakeTensorRt(needs_plugins=True, own_code=False))
        assert not caplog.text
        with pytest.raises(EngineError, match=r"no plugin creator; if you trust it, name it as `model`"):
            self.load(FakeTensorRt(needs_plugins=True, library_helps=False, own_code=False))

    def test_where_they_do_not_help_the_cause_is_told(self, library: Path) -> None:
        with pytest.raises(EngineError, match=r"cannot load a\.engine: no plugin creator; build it again"):
            self.load(FakeTensorRt(needs_plugins=True, library_helps=False))

    def test_are_not_loaded_without_need(self, library: Path) -> None:
        trt = FakeTensorRt(needs_plugins=False)
        self.load(trt)
        assert not trt.registry.all_creators

    def test_where_there_are_none_the_engine_does_not_load(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(backend, "plugin_library", lambda: None)
        with pytest.raises(EngineError, match=r"cannot load a\.engine: no plugin creator; build it again"):
            self.load(FakeTensorRt(needs_plugins=True))
