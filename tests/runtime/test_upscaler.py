"""The upscaler: masks, tiles, memory, types, and its errors, on really exported models."""

from __future__ import annotations

import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import onnxruntime as ort
import pytest
import torch
from export_cases import Exports, random_network
from hypothesis import given
from numpy.typing import NDArray
from scale_cases import scale_metadata

import amsr_deploy
from amsr_deploy import native
from amsr_deploy.descriptor import BACKBONES, PrecisionChoice, describe
from amsr_deploy.errors import BackendError, ModelError, UserError
from amsr_deploy.metadata import Metadata
from amsr_deploy.runtime.backends.base import OutOfMemoryError, SelectionInputs
from amsr_deploy.runtime.backends.onnxruntime import OnnxRuntimeBackend
from amsr_deploy.runtime.tiles import EDGE, edge_for, padded_length, smallest_tile
from amsr_deploy.runtime.upscaler import Upscaler

FEATHER = 1e-5
FLOAT32 = np.dtype(np.float32)


@pytest.fixture(scope="session")
def exported(exports: Exports) -> dict[str, Path]:
    """An exported masked model of each backbone."""
    return {name: exports(name) for name in BACKBONES}


@pytest.mark.parametrize("name", BACKBONES)
def test_tiles_make_no_difference(name: str, exported: dict[str, Path], photo: NDArray[np.float32]) -> None:
    whole = amsr_deploy.load(exported[name], tile=1000)
    tile = smallest_tile(whole.metadata.halo, describe(name).size_multiple)
    picture = photo[: 2 * tile + 3, : 2 * tile + 5]
    tiled = amsr_deploy.load(exported[name], tile=tile)
    np.testing.assert_allclose(tiled.upscale(picture), whole.upscale(picture), atol=FEATHER)


@pytest.mark.parametrize("name", BACKBONES)
def test_equals_pytorch(name: str, exported: dict[str, Path], photo: NDArray[np.float32]) -> None:
    network = random_network(name).eval()
    upscaler = amsr_deploy.load(exported[name])
    mask = upscaler.mask(photo).pixels
    edge = edge_for(describe(name).size_multiple)
    rows, columns = (slice(4 * edge, 4 * (edge + side)) for side in mask.shape)
    widths = [(edge, edge + -(side + 2 * edge) % describe(name).size_multiple) for side in mask.shape]
    with torch.no_grad():
        batch = torch.from_numpy(np.pad(photo, [*widths, (0, 0)], mode="reflect"))
        masks = torch.from_numpy(np.pad(mask, widths, mode="reflect"))[None, None]
        expected = network(batch.permute(2, 0, 1)[None], masks)[0].permute(1, 2, 0).clamp(0, 1)
    np.testing.assert_allclose(upscaler.upscale(photo), expected.numpy()[rows, columns], atol=1e-4)


def test_a_picture_without_colour_gets_none(exported: dict[str, Path], photo: NDArray[np.float32]) -> None:
    upscaler = amsr_deploy.load(exported["disp"])
    grey = photo[..., 1:2].repeat(3, axis=2)
    result = upscaler.upscale(grey)
    assert (result == result[..., :1]).all()
    grey[3, 4, 0] += 0.5  # one pixel of colour: the network's own result
    assert not (upscaler.upscale(np.clip(grey, 0, 1))[-1] == result[-1]).all()


@pytest.mark.parametrize("name", BACKBONES)
@pytest.mark.parametrize("size", [(1, 1), (1, 9), (7, 13)])
def test_small_and_flat_pictures(name: str, size: tuple[int, int], exported: dict[str, Path]) -> None:
    result = amsr_deploy.load(exported[name]).prepare(np.full((*size, 3), 0.5, dtype=np.float32))
    assert result.run(FLOAT32).shape == (4 * size[0], 4 * size[1], 3)
    assert result.density == 0
    assert result.mask is not None
    assert not result.mask.pixels.any()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
def test_type_of_the_picture_is_kept(dtype: type, exported: dict[str, Path], photo: NDArray[np.float32]) -> None:
    largest = {np.uint8: 255, np.uint16: 65535}.get(dtype, 1)
    image = (photo[:20, :20] * largest).astype(dtype)
    upscaler = amsr_deploy.load(exported["fsrcnn"])
    large = upscaler.upscale(image)
    assert large.dtype == dtype
    expected = upscaler.upscale(image.astype(np.float32) / np.float32(largest))
    np.testing.assert_allclose(large / largest, expected, atol=0.51 / largest if largest > 1 else 1e-6)


@pytest.mark.parametrize("name", BACKBONES)
def test_surroundings_do_not_tint_the_border(name: str, exported: dict[str, Path]) -> None:
    """Networks see black outside a picture. What they make of a flat one must not be another colour at its border."""
    flat = np.full((24, 24, 3), (0.8, 0.3, 0.2), dtype=np.float32)
    padded = np.pad(flat, ((8, 8), (8, 8), (0, 0)), mode="reflect")
    upscaler = amsr_deploy.load(exported[name], **({"threshold": 0.0} if name == "swinir" else {}))
    inside = upscaler.upscale(padded, np.ones((40, 40), dtype=np.bool_))[32:-32, 32:-32]
    np.testing.assert_allclose(upscaler.upscale(flat, np.ones((24, 24), dtype=np.bool_)), inside, atol=2e-2)


def test_own_mask_decides(exported: dict[str, Path], photo: NDArray[np.float32]) -> None:
    mask = np.zeros(photo.shape[:2], dtype=np.bool_)
    mask[20:50, 30:70] = True
    result = amsr_deploy.load(exported["carn"]).prepare(photo, mask)
    assert result.density == mask.mean()
    assert result.cost_share == pytest.approx((213_696 + mask.mean() * 350_208) / 563_904)
    far = np.s_[:, 4 * (70 + 8) :]
    empty = amsr_deploy.load(exported["carn"]).upscale(photo, np.zeros_like(mask))
    np.testing.assert_allclose(result.run(FLOAT32)[far], empty[far], atol=FEATHER)
    assert np.abs(result.run(FLOAT32) - empty).max() > 1e-3


def test_dense_run_works_everywhere(exported: dict[str, Path], photo: NDArray[np.float32]) -> None:
    dense = Upscaler(OnnxRuntimeBackend(exported["carn"], "cpu"), dense=True).prepare(photo)
    full = amsr_deploy.load(exported["carn"]).prepare(photo, np.ones(photo.shape[:2], dtype=np.bool_))
    assert dense.mask is None
    assert dense.density == dense.cost_share == 1
    np.testing.assert_allclose(dense.run(FLOAT32), full.run(FLOAT32), atol=FEATHER)


def test_dilation_and_threshold_are_dials(exported: dict[str, Path], photo: NDArray[np.float32]) -> None:
    densities = [amsr_deploy.load(exported["carn"], dilation=k).prepare(photo).density for k in (1, 5, 11)]
    assert densities == sorted(set(densities))
    kept = [amsr_deploy.load(exported["swinir"], threshold=sigma).prepare(photo).density for sigma in (0.0, 0.5, 1.0)]
    assert kept == sorted(set(kept), reverse=True)
    assert kept[0] == 1


class ScarceBackend:
    """A backend that has memory for pictures of up to `limit` pixels only, and repeats them."""

    model, name, concurrency, largest = "scarce", "test", 1, None

    def __init__(self, limit: int, metadata: Metadata, value: float = 0.0, device_memory: int | None = None) -> None:
        self.limit, self.metadata, self.value = limit, metadata, value
        self.device_memory = device_memory
        self.sizes: list[int] = []
        self.selections: list[SelectionInputs] = []

    def run(self, image: NDArray[np.float32], selection: SelectionInputs) -> NDArray[np.float32]:
        self.sizes.append(image[0, 0].size)
        self.selections.append(selection)
        if self.sizes[-1] > self.limit:
            raise OutOfMemoryError("not enough memory")
        return image.repeat(4, axis=2).repeat(4, axis=3) + np.float32(self.value)


@pytest.fixture
def metadata(exports: Exports) -> Metadata:
    return OnnxRuntimeBackend(exports("fsrcnn"), "cpu").metadata


def test_smaller_tiles_are_tried_and_said(metadata: Metadata, caplog: pytest.LogCaptureFixture) -> None:
    image = np.random.default_rng(0).random((200, 300, 3), dtype=np.float32)
    backend = ScarceBackend(limit=80 * 80, metadata=metadata)
    result = Upscaler(backend, tile=400).upscale(image)
    assert caplog.messages[-1] == "out of memory; trying again with tiles of 77x77 pixels"
    np.testing.assert_array_equal(result, image.repeat(4, axis=0).repeat(4, axis=1))
    assert backend.sizes[0] == (200 + 2 * EDGE) * (300 + 2 * EDGE)


def worked_on(selection: SelectionInputs, size: tuple[int, int], window: int) -> list[NDArray[np.bool_]]:
    """Pixels of a padded picture that the kinds of layers compute for the inputs of a network, in one tile."""
    if window == 1:
        return [np.isin(np.arange(size[0] * size[1]), selection["index"]).reshape(size)]
    layers = []
    for name, shift in (("windows", 0), ("shifted_windows", window // 2)):
        rows, columns = (side // window for side in size)
        kept = np.isin(np.arange(rows * columns), selection[name]).reshape(rows, columns)
        layers.append(np.roll(kept.repeat(window, 0).repeat(window, 1), (shift, shift), axis=(0, 1)))
    return layers


@given(
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    window=st.sampled_from([1, 4, 8]),
    threshold=st.sampled_from([0.0, 0.3, 1.0]),
    seed=st.integers(0, 9),
)
def test_what_is_reported_is_what_runs(height: int, width: int, window: int, threshold: float, seed: int) -> None:
    body = "pixels" if window == 1 else "windows"
    metadata = replace(scale_metadata(4, masked=True), body=body, window_size=window, threshold=threshold)
    backend, mask = ScarceBackend(10**9, metadata), np.random.default_rng(seed).random((height, width)) < 0.4
    upscaler = Upscaler(backend)
    upscaling = upscaler.prepare(np.zeros((height, width, 3), np.float32), mask)
    upscaling.run(FLOAT32)
    edge = edge_for(window)
    padded = tuple(padded_length(side, edge, window) for side in mask.shape)
    inside = np.s_[edge : edge + height, edge : edge + width]
    layers = [layer[inside] for layer in worked_on(backend.selections[0], (padded[0], padded[1]), window)]
    assert upscaling.density == pytest.approx(np.mean(layers))
    assert upscaling.cost_share == upscaler.cost_share(mask) == metadata.cost.share(upscaling.density)
    np.testing.assert_array_equal(upscaling.computed_pixels, np.any(layers, axis=0))


@given(height=st.integers(1, 40), width=st.integers(1, 40), multiple=st.sampled_from([1, 8]))
def test_a_picture_that_fits_is_one_tile(height: int, width: int, multiple: int) -> None:
    backend = ScarceBackend(10**9, replace(scale_metadata(4, masked=True), window_size=multiple))
    Upscaler(backend).upscale(np.zeros((height, width, 3), dtype=np.float32))
    assert len(backend.sizes) == 1


def test_a_gpu_gets_the_largest_tiles_that_fit_into_half_its_memory(metadata: Metadata) -> None:
    image = np.random.default_rng(0).random((400, 500, 3), dtype=np.float32)
    width = 500 + 2 * EDGE
    whole = (400 + 2 * EDGE) * width
    sizes = []
    for side in (None, 350, width - 1, width):
        device_memory = side and 2 * side**2 * metadata.bytes_per_pixel
        backend = ScarceBackend(10**9, metadata, device_memory=device_memory)
        result = Upscaler(backend).upscale(image)
        np.testing.assert_array_equal(result, image.repeat(4, axis=0).repeat(4, axis=1))
        sizes.append(backend.sizes)
    on_cpu, in_parts, in_two, at_once = sizes
    assert at_once == [whole]
    assert len(in_two) == 2
    assert 1 < len(in_parts) < len(on_cpu)
    assert max(in_parts) <= 350**2


def test_a_gpu_with_more_memory_than_the_machine_gets_what_fits_into_both(
    metadata: Metadata, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("amsr_deploy.runtime.tile_runner.memory_budget", lambda: 300**2 * metadata.bytes_per_pixel)
    backend = ScarceBackend(10**9, metadata, device_memory=1 << 40)
    Upscaler(backend).upscale(np.zeros((400, 500, 3), dtype=np.float32))
    assert 192**2 < max(backend.sizes) <= 300**2


@pytest.mark.filterwarnings("ignore:out of memory")
def test_strips_are_the_whole_though_memory_runs_out(metadata: Metadata) -> None:
    image = np.random.default_rng(0).random((200, 60, 3), dtype=np.float32)
    backend = ScarceBackend(limit=80 * 80, metadata=metadata)
    upscaler = Upscaler(backend, tile=80)
    strips = []
    for strip in upscaler.prepare(image).strips(np.dtype(np.float32)):
        strips.append(strip)
        backend.limit = 68 * 68  # from the second strip on
    assert len(strips) > 2
    np.testing.assert_array_equal(np.concatenate(strips), image.repeat(4, axis=0).repeat(4, axis=1))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_results_in_integers_are_the_rounded_ones(
    dtype: type[np.uint8] | type[np.uint16], exported: dict[str, Path], photo: NDArray[np.float32]
) -> None:
    upscaler = amsr_deploy.load(exported["fsrcnn"], tile=48)
    exact = upscaler.upscale(photo)
    expected = np.rint(exact * np.float32(np.iinfo(dtype).max)).astype(dtype)
    np.testing.assert_array_equal(upscaler.prepare(photo).run(np.dtype(dtype)), expected)


@pytest.mark.filterwarnings("ignore:out of memory")
def test_strips_are_the_whole_though_memory_runs_out_for_another_picture(metadata: Metadata) -> None:
    image = np.random.default_rng(0).random((200, 200, 3), dtype=np.float32)
    backend = ScarceBackend(limit=80 * 80, metadata=metadata)
    upscaler = Upscaler(backend, tile=80)
    strips = upscaler.prepare(image).strips(np.dtype(np.float32))
    found = [next(strips)]
    backend.limit = 68 * 68
    upscaler.upscale(image)
    backend.limit = 80 * 80
    np.testing.assert_array_equal(np.concatenate([*found, *strips]), image.repeat(4, axis=0).repeat(4, axis=1))


@pytest.mark.filterwarnings("ignore:out of memory")
def test_the_smallest_tile_is_the_last_that_is_tried_and_serves_the_next_picture(metadata: Metadata) -> None:
    image = np.zeros((200, 200, 3), dtype=np.float32)
    smallest = smallest_tile(metadata.halo)
    backend = ScarceBackend(limit=10, metadata=metadata)
    upscaler = Upscaler(backend)
    for _ in range(2):
        with pytest.raises(OutOfMemoryError, match=f"tiles of {smallest}x{smallest} pixels, the smallest"):
            upscaler.upscale(image)
        assert backend.sizes[-1] <= smallest**2
    usual = ScarceBackend(limit=smallest**2, metadata=metadata)
    Upscaler(usual, tile=smallest).upscale(image)
    backend.limit, backend.sizes = usual.limit, []
    upscaler.upscale(image)
    assert backend.sizes == usual.sizes


@pytest.mark.filterwarnings("ignore:out of memory")
def test_tiles_that_fail_in_several_threads_are_halved_once(
    metadata: Metadata, caplog: pytest.LogCaptureFixture
) -> None:
    image, together = np.zeros((200, 200, 3), dtype=np.float32), threading.Barrier(2, timeout=60)

    class TogetherBackend(ScarceBackend):
        def run(self, image: NDArray[np.float32], selection: SelectionInputs) -> NDArray[np.float32]:
            if image[0, 0].size > self.limit:
                together.wait()
            return super().run(image, selection)

    whole = (200 + 2 * EDGE) ** 2
    backend, halved = TogetherBackend(whole - 1, metadata), ScarceBackend(whole, metadata)
    upscaler = Upscaler(backend, tile=400)
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(upscaler.upscale, [image, image]))
    Upscaler(halved, tile=(200 + 2 * EDGE) // 2).upscale(image)
    assert sorted(backend.sizes) == sorted([whole, whole, *halved.sizes, *halved.sizes])
    assert len(caplog.messages) == 1


def test_a_closed_upscaler_does_not_run(exported: dict[str, Path], photo: NDArray[np.float32]) -> None:
    with amsr_deploy.load(exported["fsrcnn"]) as upscaler:
        upscaler.upscale(photo)
    with pytest.raises(BackendError, match=r"fsrcnn.*\.onnx is closed; load it again"):
        upscaler.upscale(photo)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_output_that_is_not_finite_is_an_error(value: float, metadata: Metadata) -> None:
    upscaler, image = Upscaler(ScarceBackend(10**9, metadata, value)), np.zeros((20, 20, 3), dtype=np.float32)
    with pytest.raises(ModelError, match="not finite"):
        upscaler.upscale(image)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, -0.1, 255])
def test_a_pixel_that_is_not_in_its_range_has_no_mask(value: float, metadata: Metadata) -> None:
    image, upscaler = (
        np.random.default_rng(0).random((20, 30, 3), dtype=np.float32),
        Upscaler(ScarceBackend(0, metadata)),
    )
    image[7, 8, 1] = value
    with pytest.raises(UserError, match=r"must be in \[0, 1\]; this one spans"):
        upscaler.mask(image)


def test_masks_of_one_picture_are_equal_in_every_type(metadata: Metadata) -> None:
    image, upscaler = (
        np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8),
        Upscaler(ScarceBackend(0, metadata)),
    )
    as_float = image / np.float32(255)
    np.testing.assert_array_equal(upscaler.mask(image).pixels, upscaler.mask(as_float).pixels)


def test_bad_arguments(exported: dict[str, Path], photo: NDArray[np.float32]) -> None:
    upscaler = amsr_deploy.load(exported["carn"])
    with pytest.raises(UserError, match="mask is 9x8, but the picture 120x90"):
        upscaler.upscale(photo, np.ones((8, 9), dtype=np.bool_))
    with pytest.raises(UserError, match=r"\(90, 120\)"):
        upscaler.upscale(photo[..., 0])
    with pytest.raises(UserError, match="int32"):
        upscaler.upscale(photo.astype(np.int32))
    with pytest.raises(UserError, match="spans nan"):
        upscaler.upscale(np.full_like(photo, np.nan))
    with pytest.raises(UserError, match="guess"):
        amsr_deploy.load(exported["carn"], strategy="guess")  # type: ignore[arg-type]
    with pytest.raises(UserError, match="device 'gpu'"):
        amsr_deploy.load(exported["carn"], device="gpu")  # type: ignore[arg-type]
    with pytest.raises(UserError, match="dilation 4"):
        amsr_deploy.load(exported["carn"], dilation=4)
    with pytest.raises(UserError, match=r"dilation 5\.0"):
        amsr_deploy.load(exported["carn"], dilation=5.0)  # type: ignore[arg-type]
    with pytest.raises(UserError, match="dilation '5'"):
        amsr_deploy.load(exported["carn"], dilation="5")  # type: ignore[arg-type]
    with pytest.raises(UserError, match="threshold 'half'"):
        amsr_deploy.load(exported["swinir"], threshold="half")  # type: ignore[arg-type]
    with pytest.raises(UserError, match=r"tile 99\.5"):
        amsr_deploy.load(exported["carn"], tile=99.5)  # type: ignore[arg-type]
    with pytest.raises(UserError, match="no windows"):
        amsr_deploy.load(exported["carn"], threshold=0.5)
    with pytest.raises(UserError, match=r"threshold 1\.5"):
        amsr_deploy.load(exported["swinir"], threshold=1.5)
    with pytest.raises(UserError, match="tile 3"):
        amsr_deploy.load(exported["carn"], tile=3)
    with pytest.raises(UserError, match=r"tile 12 is too small for srresnet.*use 24 pixels or more"):
        amsr_deploy.load(exported["srresnet"], tile=12)


def test_bad_models(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="neither a file nor one of: disp, fsrcnn, carn"):
        amsr_deploy.load("edsr")
    garbage = tmp_path / "garbage.onnx"
    garbage.write_text("no model")
    with pytest.raises(ModelError, match=r"garbage\.onnx is not a model of amsr-deploy"):
        amsr_deploy.load(garbage)


def test_missing_device_is_an_error(exported: dict[str, Path]) -> None:
    if "CUDAExecutionProvider" in ort.get_available_providers():
        pytest.skip("this ONNX Runtime has CUDA")
    with pytest.raises(BackendError, match=r"cuda.*onnxruntime-gpu"):
        amsr_deploy.load(exported["carn"], device="cuda")


@pytest.mark.skipif(native.library_path() is None, reason="without the native operators no model is in bfloat16")
@pytest.mark.parametrize(("precision", "model"), [("float32", "fsrcnn_dense.onnx"), ("bfloat16", "fsrcnn_bf16.onnx")])
def test_the_dense_twin_is_of_the_precision_that_is_asked_for(
    precision: PrecisionChoice, model: str, exports: Exports, tmp_path: Path
) -> None:
    shutil.copy(exports("fsrcnn"), tmp_path / "fsrcnn.onnx")
    shutil.copy(exports("fsrcnn", masked=False), tmp_path / "fsrcnn_dense.onnx")
    shutil.copy(exports("fsrcnn", precision="bfloat16"), tmp_path / "fsrcnn_bf16.onnx")
    with amsr_deploy.load(tmp_path / "fsrcnn.onnx", device="cpu", precision=precision, dense=True) as upscaler:
        assert upscaler.model == model
        assert not upscaler.is_masked


def test_metadata_of_other_versions(exported: dict[str, Path]) -> None:
    metadata = OnnxRuntimeBackend(exported["fsrcnn"], "cpu").metadata
    properties = metadata.to_properties() | {"amsr.dense_above": "0.4"}  # earlier versions wrote it
    assert Metadata.from_properties(properties) == metadata
    del properties["amsr.mask_loss"]
    assert Metadata.from_properties(properties).mask_loss == 0
    del properties["amsr.halo"]
    with pytest.raises(ModelError, match=r"amsr\.halo"):
        Metadata.from_properties(properties)


def test_number_of_threads_makes_no_difference(exported: dict[str, Path], photo: NDArray[np.float32]) -> None:
    results = [amsr_deploy.load(exported["carn"], threads=threads).upscale(photo) for threads in (1, 2)]
    np.testing.assert_array_equal(*results)
    with pytest.raises(UserError, match="0 threads"):
        amsr_deploy.load(exported["carn"], threads=0)


def test_threads_share_an_upscaler(exported: dict[str, Path], photo: NDArray[np.float32]) -> None:
    upscaler = amsr_deploy.load(exported["fsrcnn"], device="cpu", tile=48)
    images = [np.roll(photo, 9 * turn, axis=0) for turn in range(8)]
    expected = [upscaler.upscale(image) for image in images]
    with ThreadPoolExecutor(4) as threads:
        for result, wanted in zip(threads.map(upscaler.upscale, images), expected, strict=True):
            np.testing.assert_array_equal(result, wanted)
