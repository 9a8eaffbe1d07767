"""CUDA through a PyCUDA and a cuda-bindings that are none: which calls are made, and how their errors come out."""

from __future__ import annotations

import dataclasses
import re
import sys
from collections.abc import Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from engine_cases import ORIN
from fake_driver import CUresult, FakeDriver

from amsr_deploy.errors import BackendError
from amsr_deploy.runtime.backends.base import OutOfMemoryError
from amsr_deploy.runtime.backends.tensorrt import cuda_bindings
from amsr_deploy.runtime.backends.tensorrt.cuda import Cuda, describe, open_cuda
from amsr_deploy.runtime.backends.tensorrt.cuda_bindings import BindingsCuda
from amsr_deploy.runtime.backends.tensorrt.cuda_pycuda import PyCuda


class Error(Exception):
    """`pycuda.driver.Error`."""


class FullMemoryError(Error):
    """`pycuda.driver.MemoryError`."""


class FakePyCuda(ModuleType):
    """`pycuda.driver`, whose calls fail with `error` if there is one."""

    Error, MemoryError = Error, FullMemoryError

    def __init__(self) -> None:
        super().__init__("pycuda.driver")
        self.error: Exception | None = None
        self.stack: list[str] = []
        self.stream_flags: list[int] = []

    def call(self, *_: Any) -> None:
        if self.error is not None:
            raise self.error

    init = mem_alloc = memcpy_htod_async = memcpy_dtoh_async = pagelocked_empty = call

    def open_device(self, number: int) -> Any:
        context = SimpleNamespace(
            push=lambda: self.stack.append("ours"),
            pop=lambda: self.stack.pop(),
            detach=lambda: self.stack.append("detached"),
        )
        return SimpleNamespace(retain_primary_context=lambda: context)

    def open_stream(self, flags: int) -> Any:
        self.call()
        self.stream_flags.append(flags)
        return SimpleNamespace(synchronize=self.call, handle=12)

    Device, Stream = open_device, open_stream


def install(monkeypatch: pytest.MonkeyPatch, name: str, module: ModuleType | None) -> None:
    """A module in its package; None is one that is not installed."""
    for length in range(1, name.count(".") + 1):
        package = ".".join(name.split(".")[:length])
        monkeypatch.setitem(sys.modules, package, ModuleType(package))
    monkeypatch.setitem(sys.modules, name, module)


@pytest.fixture
def pycuda(monkeypatch: pytest.MonkeyPatch) -> FakePyCuda:
    fake = FakePyCuda()
    install(monkeypatch, "pycuda.driver", fake)
    install(monkeypatch, "cuda.bindings.driver", None)
    return fake


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeDriver]:
    fake = FakeDriver()
    install(monkeypatch, "pycuda.driver", None)
    install(monkeypatch, "cuda.bindings.driver", fake)
    monkeypatch.setattr(cuda_bindings.importlib.metadata, "version", lambda _: "13.0.3")
    yield fake
    assert fake.depth == 0
    assert not fake.is_capturing


class TestPyCuda:
    def test_the_context_is_that_of_the_block(self, pycuda: FakePyCuda) -> None:
        gpu = open_cuda()
        assert isinstance(gpu, PyCuda)
        with gpu.active():
            assert pycuda.stack == ["ours"]
        assert pycuda.stack == []
        del gpu
        assert pycuda.stack == ["detached"]

    def test_streams_do_not_wait_for_the_default_one(self, pycuda: FakePyCuda) -> None:
        open_cuda().stream()
        assert pycuda.stream_flags == [1]

    def test_errors_are_our_own(self, pycuda: FakePyCuda) -> None:
        gpu = open_cuda()
        stream, memory = gpu.stream(), np.zeros(4, np.uint8)
        pycuda.error = Error("an illegal address\nand more")
        for call in (
            gpu.stream,
            lambda: gpu.allocate(4),
            lambda: gpu.synchronize(stream),
            lambda: gpu.upload("gpu", memory, stream),
            lambda: gpu.download(memory, "gpu", stream),
        ):
            with pytest.raises(BackendError, match=r"the GPU failed: an illegal address$"):
                call()
        with pytest.raises(BackendError, match="the GPU cannot be opened: an illegal address"):
            open_cuda()

    def test_full_memory_is_told_from_other_errors(self, pycuda: FakePyCuda) -> None:
        gpu = open_cuda()
        pycuda.error = FullMemoryError("full")
        with pytest.raises(OutOfMemoryError, match="the GPU has no 3 MiB left"):
            gpu.allocate(3 << 20)
        with pytest.raises(OutOfMemoryError, match="no 3 MiB of main memory can be pinned"):
            gpu.allocate_host(3 << 20)

    def test_it_goes_before_cuda_bindings_which_capture(self, pycuda: FakePyCuda, driver: FakeDriver) -> None:
        sys.modules["pycuda.driver"] = pycuda
        gpu = open_cuda()
        assert isinstance(gpu, PyCuda)
        driver.cuCtxPushCurrent(*driver.cuDevicePrimaryCtxRetain(driver.cuDeviceGet(0)[1])[1:])
        stream = gpu.stream()
        graph = gpu.capture(stream, lambda: None)
        graph.launch(stream)
        graph.free()
        driver.cuCtxPopCurrent()
        assert driver.held == {"context"}


class TestBindings:
    def test_bytes_go_up_and_come_down(self, driver: FakeDriver) -> None:
        gpu = open_cuda()
        assert isinstance(gpu, BindingsCuda)
        with gpu.active():
            stream, memory, pinned = gpu.stream(), gpu.allocate(300), gpu.allocate_host(200)
            pinned[:] = np.arange(200)
            gpu.upload(memory, pinned[:100], stream)
            pinned[:] = 0
            gpu.download(pinned[50:150], memory, stream)
            gpu.synchronize(stream)
            np.testing.assert_array_equal(pinned[50:150], np.arange(100))
            assert not pinned[:50].any()
            gpu.free_host(pinned)
            memory.free()
            stream.free()
        assert (driver.held, driver.buffers) == ({"context"}, {})
        del gpu
        assert driver.held == set()

    def test_runs_are_captured(self, driver: FakeDriver) -> None:
        gpu = open_cuda()
        captured = []
        with gpu.active():
            stream = gpu.stream()
            graph = gpu.capture(stream, lambda: captured.append(driver.is_capturing))
            assert captured == [True]
            assert driver.held == {"context", "stream", "executable"}
            graph.launch(stream)
            graph.free()
        assert driver.held == {"context", "stream"}
        assert driver.calls.count("cuGraphLaunch") == 1

    @pytest.mark.parametrize("function", ["cuStreamBeginCapture", "cuStreamEndCapture", "cuGraphInstantiate"])
    @pytest.mark.parametrize(
        "failure",
        [
            CUresult.CUDA_ERROR_STREAM_CAPTURE_INVALIDATED,
            CUresult.CUDA_ERROR_OUT_OF_MEMORY,
            RuntimeError('Function "it" not found'),
            TypeError("an integer is required"),
            type("CUDAError", (Exception,), {})("one of its own"),
        ],
    )
    def test_whatever_goes_wrong_in_a_capture_is_our_error(
        self, function: str, failure: CUresult | Exception, driver: FakeDriver
    ) -> None:
        gpu = open_cuda()
        driver.failures[function] = failure
        with gpu.active():
            stream = gpu.stream()
            with pytest.raises(BackendError, match=f"cannot be captured as a CUDA graph.*{function}"):
                gpu.capture(stream, lambda: None)
        driver.is_capturing = False
        assert driver.held == {"context", "stream"}

    def test_work_that_fails_ends_the_capture(self, driver: FakeDriver) -> None:
        def fail() -> None:
            raise BackendError("the run failed")

        gpu = open_cuda()
        with gpu.active():
            with pytest.raises(BackendError, match="cannot be captured as a CUDA graph: the run failed"):
                gpu.capture(gpu.stream(), fail)
            assert not driver.is_capturing
        assert driver.held == {"context", "stream"}

    def test_errors_have_their_names(self, driver: FakeDriver) -> None:
        gpu = open_cuda()
        with gpu.active():
            stream = gpu.stream()
            driver.failures["cuStreamSynchronize"] = CUresult.CUDA_ERROR_ILLEGAL_ADDRESS
            with pytest.raises(BackendError, match=r"\(cuStreamSynchronize: CUDA_ERROR_ILLEGAL_ADDRESS\)"):
                gpu.synchronize(stream)

    def test_full_memory_is_told_from_other_errors(self, driver: FakeDriver) -> None:
        gpu = open_cuda()
        driver.failures = dict.fromkeys(("cuMemAlloc", "cuMemAllocHost"), CUresult.CUDA_ERROR_OUT_OF_MEMORY)
        with gpu.active():
            with pytest.raises(OutOfMemoryError, match="the GPU has no 3 MiB left"):
                gpu.allocate(3 << 20)
            with pytest.raises(OutOfMemoryError, match="no 3 MiB of main memory can be pinned"):
                gpu.allocate_host(3 << 20)

    def test_a_driver_that_does_not_load(self, driver: FakeDriver) -> None:
        driver.failures["cuInit"] = RuntimeError("Failed to dlopen libcuda.so.1")
        with pytest.raises(BackendError, match=r"the GPU cannot be opened.*Failed to dlopen"):
            open_cuda()

    def test_a_version_for_newer_drivers_is_said(self, driver: FakeDriver, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(cuda_bindings, "find_gpu", lambda: ORIN)
        driver.failures["cuInit"] = RuntimeError('Function "cuInit" not found')
        advice = r"13\.0\.3 is for drivers of CUDA 13, this one knows CUDA 12\.6: pip install .cuda-bindings<13."
        with pytest.raises(BackendError, match=advice):
            open_cuda()
        assert "is for drivers of CUDA 13" in describe()
        assert "CUDA graphs by" not in describe()
        monkeypatch.setattr(cuda_bindings, "find_gpu", lambda: dataclasses.replace(ORIN, driver=(13, 0)))
        assert describe() == "cuda-bindings alone, without PyCUDA; CUDA graphs by cuda-bindings 13.0.3"


class TestChoice:
    def test_nothing_is_installed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("pycuda.driver", "cuda.bindings.driver"):
            install(monkeypatch, name, None)
        with pytest.raises(BackendError, match=r"neither PyCUDA nor cuda-bindings is installed.*amsr-deploy\[cuda13\]"):
            open_cuda()
        assert describe().startswith("missing: engines cannot run; neither PyCUDA")

    def test_pycuda_alone_has_no_graphs(self, pycuda: FakePyCuda) -> None:
        assert not open_cuda().has_graphs
        assert describe() == "PyCUDA; no CUDA graphs, because cuda-bindings is missing"

    def test_a_broken_pycuda_is_said_and_replaced(
        self, driver: FakeDriver, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.delitem(sys.modules, "pycuda.driver")
        vars(sys.modules["pycuda"])["__path__"] = []
        monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
        gpu: Cuda = open_cuda()
        assert re.search(r"PyCUDA does not load: libcuda\.so\.1 is missing.*takes its place", caplog.text)
        assert isinstance(gpu, BindingsCuda)
        monkeypatch.setitem(sys.modules, "cuda.bindings.driver", None)
        with pytest.raises(BackendError, match="PyCUDA does not load"):
            open_cuda()


class Broken:
    """Finds a PyCUDA that does not load."""

    @staticmethod
    def find_spec(name: str, *_: Any) -> None:
        if name == "pycuda.driver":
            raise ImportError("libcuda.so.1 is missing")
