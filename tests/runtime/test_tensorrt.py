"""The TensorRT backend on a GPU made of main memory, below the upscaler."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from engine_cases import make_sidecar, metadata_of
from fake_gpu import FakeCuda, FakeNetwork
from numpy.typing import NDArray
from scale_cases import write_model

import amsr_deploy
from amsr_deploy.errors import EngineError
from amsr_deploy.runtime.shipped import shipped_model
from amsr_deploy.runtime.tensorrt_ import TensorRtBackend
from amsr_deploy.runtime.upscaler import Upscaler

MODEL = shipped_model("fsrcnn")


def make_backend(gpu: FakeCuda, model: Path = MODEL, **changes: object) -> TensorRtBackend:
    sidecar = make_sidecar(metadata_of(model), **changes)
    return TensorRtBackend(Path("fsrcnn.engine"), sidecar, FakeNetwork(model, gpu), gpu, "fake GPU")


@pytest.fixture
def gpu() -> FakeCuda:
    return FakeCuda()


def test_equals_the_cpu_in_tiles_that_the_engine_takes(gpu: FakeCuda, photo: NDArray[np.float32]) -> None:
    upscaler = Upscaler(make_backend(gpu))
    assert max(photo.shape) > 96  # more than one tile
    expected = amsr_deploy.load("fsrcnn", device="cpu", strategy="fixed").run(photo).image
    actual = Upscaler(make_backend(gpu), strategy="fixed").run(photo).image
    np.testing.assert_allclose(actual, expected, atol=1e-5)
    assert upscaler.backend == "fake GPU"


@pytest.mark.parametrize("scale", [2, 3])
def test_engines_of_any_scale(scale: int, gpu: FakeCuda, tmp_path: Path, photo: NDArray[np.float32]) -> None:
    model = write_model(tmp_path / "model.onnx", scale, mode="cubic")
    result = Upscaler(make_backend(gpu, model)).run(photo).image
    assert result.shape == (90 * scale, 120 * scale, 3)
    np.testing.assert_allclose(result, amsr_deploy.load(model, device="cpu").run(photo).image, atol=1e-5)


def test_flat_pictures_have_an_empty_index(gpu: FakeCuda) -> None:
    flat = np.full((20, 30, 3), 0.5, dtype=np.float32)
    expected = amsr_deploy.load("fsrcnn", device="cpu").run(flat).image
    np.testing.assert_allclose(Upscaler(make_backend(gpu)).run(flat).image, expected, atol=1e-5)


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


def test_smaller_tiles_where_the_gpu_is_full(photo: NDArray[np.float32]) -> None:
    expected = amsr_deploy.load("fsrcnn", device="cpu").run(photo).image
    profile = make_sidecar(metadata_of(MODEL)).profile | {"image": ((1, 3, 8, 8), (1, 3, 64, 64), (1, 3, 200, 200))}
    gpu = FakeCuda(budget=3_000_000)
    upscaler = Upscaler(make_backend(gpu, profile=profile))
    with pytest.warns(UserWarning, match="out of memory; trying again with tiles of 64x64"):
        result = upscaler.run(photo).image
    np.testing.assert_allclose(result, expected, atol=1e-5)


def test_pictures_beyond_the_profile_are_refused(gpu: FakeCuda) -> None:
    backend = make_backend(gpu)
    index = np.arange(3)
    with pytest.raises(EngineError, match=r"takes pictures from 8x8 to 64x96, not 64x97.*--max-shape"):
        backend.run(np.zeros((1, 3, 64, 97), dtype=np.float32), {"index": index})
    with pytest.raises(EngineError, match="not 7x8"):
        backend.run(np.zeros((1, 3, 7, 8), dtype=np.float32), {"index": index})
