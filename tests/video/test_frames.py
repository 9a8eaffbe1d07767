"""Frames that follow each other: reuse changes nothing but the work, within the tolerance."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, get_args

import hypothesis.strategies as st
import numpy as np
import pytest
from export_cases import Exports
from hypothesis import HealthCheck, given, settings
from numpy.typing import NDArray
from scale_cases import FunctionBackend, enlarged

import amsr_deploy
from amsr_deploy import native
from amsr_deploy.descriptor import Strategy
from amsr_deploy.errors import BackendError, ModelError, UserError
from amsr_deploy.image.arrays import to_float
from amsr_deploy.mask.detail import Detail
from amsr_deploy.runtime.upscaler import Upscaler
from amsr_deploy.video.frames import VideoUpscaler
from amsr_deploy.video.parts import PartUpscaler

Frame = NDArray[np.uint8]


def fade(frame: Frame, random: np.random.Generator) -> Frame:
    return np.rint(frame * random.uniform(0, 1)).astype(np.uint8)


def flash(frame: Frame, _: np.random.Generator) -> Frame:
    return np.maximum(frame, 250)


def pan(frame: Frame, random: np.random.Generator) -> Frame:
    return np.roll(frame, random.integers(-3, 4, 2), (0, 1))


def cut(frame: Frame, random: np.random.Generator) -> Frame:
    return photo_like(frame.shape[:2], random)


def spot(frame: Frame, random: np.random.Generator) -> Frame:
    changed, (height, width) = frame.copy(), frame.shape[:2]
    y, x = random.integers(height), random.integers(width)
    changed[y : y + 5, x : x + 3] ^= 255
    return changed


def black(frame: Frame, _: np.random.Generator) -> Frame:
    return np.zeros_like(frame)


def grey(frame: Frame, _: np.random.Generator) -> Frame:
    changed = frame.copy()
    changed[:, : frame.shape[1] // 2] = changed[:, : frame.shape[1] // 2, :1]
    return changed


def still(frame: Frame, _: np.random.Generator) -> Frame:
    return frame


STEPS: dict[str, Callable[[Frame, np.random.Generator], Frame]] = {
    step.__name__: step for step in (fade, flash, pan, cut, spot, black, grey, still)
}


def photo_like(size: tuple[int, ...], random: np.random.Generator) -> Frame:
    """Smooth areas, edges and noise."""
    height, width = size
    picture = np.linspace(0, 255, height * width * 3).reshape(height, width, 3)
    picture[random.integers(height) :, random.integers(width) :] /= 2
    picture[: height // 3] += random.normal(0, 40, (height // 3, width, 3))
    return np.clip(picture, 0, 255).astype(np.uint8)


def make_clip(size: tuple[int, int], steps: list[str], seed: int) -> list[Frame]:
    random = np.random.default_rng(seed)
    frames = [photo_like(size, random)]
    for step in steps:
        frames.append(STEPS[step](frames[-1], random))
    return frames


clips = st.builds(
    make_clip,
    st.tuples(st.integers(5, 60), st.integers(5, 70)),
    st.lists(st.sampled_from(sorted(STEPS)), max_size=5),
    st.integers(0, 1000),
)


@pytest.fixture(scope="module")
def disp() -> Upscaler:
    return amsr_deploy.load("disp", scale=2, device="cpu")


@pytest.mark.parametrize("model", ["disp", "disp_dense", "fsrcnn", "by_tiles", "region", "budget"])
@pytest.mark.filterwarnings("ignore:there are scenes")
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(clip=clips, tile=st.sampled_from([8, 16, 24]))
def test_reuse_without_tolerance_changes_no_bit(model: str, clip: list[Frame], tile: int) -> None:
    name = model if model == "fsrcnn" else "disp"
    threads = None if model == "disp" else 1  # that wait for each other at full load, on frames as small as these
    scale = 4 if name == "fsrcnn" else 2
    upscaler = amsr_deploy.load(name, scale=scale, device="cpu", dense=model == "disp_dense", threads=threads)
    if native.library_path() is None or model == "by_tiles":
        upscaler._backend.is_local = False  # its bits depend on the shapes of its inputs
    region = np.indices(clip[0].shape[:2]).sum(axis=0) % 7 < 3 if model == "region" else None
    budget = 0.4 if model == "budget" else None
    reusing, every = (
        VideoUpscaler(upscaler, tile=tile, mask=region, budget=budget, **options)
        for options in ({"tolerance": 0}, {"reuse": False})
    )
    for frame in clip:
        kept, computed = reusing.upscale(frame), every.upscale(frame)
        np.testing.assert_array_equal(kept.image, computed.image)
        assert computed.reused == 0
        assert 0 <= kept.density <= computed.density <= 1
        assert kept.new_scene == computed.new_scene


@pytest.mark.parametrize("axis", [0, 1])
def test_windows_over_the_ends_of_a_picture_change_no_bit(axis: int, exports: Exports) -> None:
    """What is new at one end decides there about windows that are shifted over both: about the other end, too.

    The network sees pixels up to 16 from an end in what is reflected beyond it, as far as a whole window.
    """
    upscaler = amsr_deploy.load(exports("swinir"), device="cpu", threshold=0.1, dilation=1)
    reusing, every = VideoUpscaler(upscaler, tolerance=0), VideoUpscaler(upscaler, reuse=False)
    before = photo_like((297, 16), np.random.default_rng(1)) / np.float32(255)
    before[2:11] = before[-40:] = 0.5
    after = before.copy()
    after[-15, 4:12] = 1
    for frame in (np.moveaxis(each, 0, axis) for each in (before, after)):
        kept, computed = reusing.upscale(frame), every.upscale(frame)
        np.testing.assert_array_equal(kept.image, computed.image)
    assert kept.reused > 0


def test_a_tolerance_looks_as_far_as_the_mask() -> None:
    upscaler = amsr_deploy.load("disp", scale=2, device="cpu", dilation=33)
    before = np.full((64, 160, 3), 128, np.uint8)
    before[:, :32] = np.random.default_rng(7).integers(0, 256, (64, 32, 3))
    after = before.copy()
    after[32, 120] = 255
    threshold = Detail(to_float(before)).threshold()
    masked, masked_later = (Detail(to_float(frame)).mask_above(threshold, 33) for frame in (before, after))
    video = VideoUpscaler(upscaler, tile=8)
    video.upscale(before)
    spot = video.upscale(after)
    assert not spot.new_scene
    new = (masked_later & ~masked).mean()
    assert spot.density >= new > 0


@pytest.mark.parametrize("strategy", get_args(Strategy))
def test_a_scene_begins_with_what_a_picture_gets(strategy: Strategy, photo: NDArray[np.float32]) -> None:
    frame = np.rint(photo * 255).astype(np.uint8)
    upscaler = amsr_deploy.load("disp", scale=2, device="cpu", strategy=strategy)
    first = VideoUpscaler(upscaler, tolerance=0).upscale(frame)
    assert first.new_scene
    assert first.reused == 0
    assert first.density == pytest.approx(upscaler.mask(frame).density, abs=0.002)
    difference = first.image.astype(int) - upscaler.upscale(frame).astype(int)
    assert np.abs(difference).max() <= 2
    assert np.abs(difference).mean() < 0.01


@pytest.mark.parametrize("tile", [8, 24, 64])
@pytest.mark.parametrize("model", ["disp", "fsrcnn"])
def test_frames_get_the_colour_that_pictures_get(model: str, tile: int) -> None:
    """Black and white edges, where results are clipped, and colour in one place only."""
    upscaler = amsr_deploy.load(model, device="cpu", precision="float32")
    frame = np.zeros((40, 200, 3), np.uint8)
    frame[10:30:4, 5:155] = frame[5:35, 10:150:6] = 255
    spotted = frame.copy()
    spotted[35:, 192:] = (200, 30, 30)
    video = VideoUpscaler(upscaler, tolerance=0, tile=tile)
    for each in (frame, spotted):
        result = video.upscale(each)
        assert result.reused == 0
        assert np.abs(result.image - upscaler.upscale(each).astype(int)).max() <= 1
    assert video.upscale(frame).reused > 0


def test_a_budget_chooses_the_dilation_of_a_scene(
    disp: Upscaler, photo: NDArray[np.float32], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "amsr_deploy")
    frame = np.rint(photo[:96, :128] * 255).astype(np.uint8)
    busier = frame.copy()
    busier[40:56, 40:56] = np.random.default_rng(6).integers(0, 256, (16, 16, 3))
    picture, cost = to_float(frame), disp.metadata.cost
    detail = Detail(picture)
    threshold = detail.threshold()
    densities = [float(detail.mask_above(threshold, dilation).mean()) for dilation in range(1, 66, 2)]
    budget = (cost.share(densities[2]) + cost.share(densities[3])) / 2
    video = VideoUpscaler(disp, tolerance=0, budget=budget, reuse=False)
    assert video.upscale(frame).density == pytest.approx(densities[2])
    later = video.upscale(busier)
    assert not later.new_scene
    assert caplog.messages == ["the budget pays for dilation 5 from now on"]
    assert later.density == pytest.approx(float(Detail(to_float(busier)).mask_above(threshold, 5).mean()))
    assert VideoUpscaler(disp, budget=1).upscale(frame).density == pytest.approx(densities[-1])
    poor = VideoUpscaler(disp, budget=cost.share(densities[0]) * 0.99)
    assert poor.upscale(frame).density == pytest.approx(densities[0])
    assert poor.upscale(255 - frame).new_scene
    assert caplog.text.count("even dilation 1") == 1


def test_a_still_picture_costs_nothing_and_a_spot_a_little(disp: Upscaler) -> None:
    video = VideoUpscaler(disp, tolerance=0, tile=16)
    frame = photo_like((160, 200), np.random.default_rng(0))
    video.upscale(frame)
    still = video.upscale(frame.copy())
    assert (still.reused, still.density, still.new_scene) == (1, 0, False)
    frame[80, 100] ^= 255
    spot = video.upscale(frame)
    assert 0.5 < spot.reused < 1
    assert not spot.new_scene


@pytest.mark.parametrize(("dtype", "step"), [(np.uint8, 1), (np.uint16, 257), (np.float32, 1 / 255)])
def test_a_drift_is_followed_before_it_exceeds_the_tolerance(dtype: Any, step: float, disp: Upscaler) -> None:
    video = VideoUpscaler(disp, tolerance=2.01)
    frame = (photo_like((40, 40), np.random.default_rng(1)).astype(np.float64) / 255 * 0.8 * 255 * step).astype(dtype)
    reused = [video.upscale((frame + np.asarray(k * step).astype(dtype)).astype(dtype)).reused for k in range(7)]
    assert reused == [0, 1, 1, 0, 1, 1, 0]


def test_other_sizes_and_types_begin_anew(disp: Upscaler) -> None:
    video = VideoUpscaler(disp)
    wide, high = (photo_like(size, np.random.default_rng(2)) for size in ((20, 30), (30, 20)))
    for frame in (wide, high, high / 255):
        result = video.upscale(frame)
        assert result.new_scene
        assert result.image.dtype == frame.dtype
        np.testing.assert_array_equal(result.image, VideoUpscaler(disp).upscale(frame).image)


def test_a_flat_picture_decides_nothing(disp: Upscaler) -> None:
    video, frame = VideoUpscaler(disp), np.zeros((40, 60, 3), np.uint8)
    assert video.upscale(frame).density == 0
    frame[:16, :16] = photo_like((16, 16), np.random.default_rng(2))
    assert video.upscale(frame).density == pytest.approx(disp.mask(frame).density, abs=0.01)


def camera(photo: NDArray[np.float32], step: int) -> list[Frame]:
    """A camera that moves over a photo."""
    return [np.rint(photo[:64, step * k : step * k + 80] * 255).astype(np.uint8) for k in range(6)]


@pytest.mark.parametrize("tolerance", [0, 3])
def test_a_pan_keeps_the_threshold_of_its_first_frame(
    tolerance: float, disp: Upscaler, photo: NDArray[np.float32]
) -> None:
    video, frames = VideoUpscaler(disp, tolerance=tolerance, tile=8), camera(photo, step=3)
    threshold = Detail(to_float(frames[0])).threshold()
    assert threshold != Detail(to_float(frames[-1])).threshold()
    for number, frame in enumerate(frames):
        result = video.upscale(frame)
        assert result.new_scene == (number == 0)
        expected = Detail(to_float(frame)).mask_above(threshold, disp.dilation).mean()
        assert result.density == pytest.approx(float(expected), abs=result.reused)


def test_what_stands_in_a_pan_is_kept(disp: Upscaler, photo: NDArray[np.float32]) -> None:
    video, frames = VideoUpscaler(disp, tile=8), camera(photo, step=3)
    for frame in frames:
        frame[:32] = 90
    video.upscale(frames[0])
    for frame in frames[1:]:
        result = video.upscale(frame)
        assert not result.new_scene
        assert 0.2 < result.reused < 0.4


@pytest.mark.parametrize(("tolerance", "budget"), [(0, 0.6), (3, None)])
def test_a_fade_is_one_scene_and_ends_with_the_mask_of_a_picture(
    tolerance: float, budget: float | None, disp: Upscaler, photo: NDArray[np.float32]
) -> None:
    video = VideoUpscaler(disp, tolerance=tolerance, budget=budget)
    faded = [np.rint(photo[:64, :80] * 255 * k / 10).astype(np.uint8) for k in range(11)]
    results = [video.upscale(frame) for frame in faded]
    assert [result.new_scene for result in results] == [True] + 10 * [False]
    alone = VideoUpscaler(disp, tolerance=tolerance, budget=budget).upscale(faded[-1])
    assert results[-1].density == pytest.approx(alone.density, abs=0.05)


def test_a_cut_decides_anew(disp: Upscaler, photo: NDArray[np.float32]) -> None:
    """Also where the same threshold would do: the frames after it are those of a video of their own."""
    frame = np.rint(photo[:64, :80] * 255).astype(np.uint8)
    other = (frame[::-1, ::-1, ::-1] * 0.95).astype(np.uint8)
    video = VideoUpscaler(disp)
    for each in (frame, other):
        result = video.upscale(each)
        assert result.new_scene
        np.testing.assert_array_equal(result.image, VideoUpscaler(disp).upscale(each).image)


def test_results_are_the_callers_own(disp: Upscaler) -> None:
    video = VideoUpscaler(disp)
    frame = photo_like((20, 30), np.random.default_rng(3))
    first = video.upscale(frame).image
    expected = first.copy()
    first[:] = 0
    np.testing.assert_array_equal(video.upscale(frame).image, expected)


def test_a_mask_is_that_of_the_beginning(disp: Upscaler) -> None:
    frames = [photo_like((20, 30), np.random.default_rng(seed)) for seed in (3, 4)]
    mask = np.indices((20, 30)).sum(axis=0) % 7 < 3
    video, expected = VideoUpscaler(disp, mask=mask), VideoUpscaler(disp, mask=mask.copy())
    for frame in frames:
        np.testing.assert_array_equal(video.upscale(frame).image, expected.upscale(frame).image)
        mask[:] = True


def test_threads_wait_for_each_other(disp: Upscaler, monkeypatch: pytest.MonkeyPatch) -> None:
    """With masks that do not depend on the order."""
    frames, mask = [photo_like((20, 30), np.random.default_rng(seed)) for seed in range(8)], np.ones((20, 30), np.bool_)
    expected = [VideoUpscaler(disp, mask=mask).upscale(frame).image for frame in frames]
    run = PartUpscaler.run

    def run_slowly(*arguments: Any) -> NDArray[np.bool_]:
        pixels = run(*arguments)
        time.sleep(0.01)  # others may begin before the result is taken from the canvas
        return pixels

    monkeypatch.setattr(PartUpscaler, "run", run_slowly)
    video = VideoUpscaler(disp, mask=mask, reuse=False)
    with ThreadPoolExecutor(4) as threads:
        results = threads.map(lambda frame: video.upscale(frame).image, frames)
        np.testing.assert_array_equal(list(results), expected)


def test_what_was_decided_at_first_cannot_be_set(disp: Upscaler) -> None:
    video = VideoUpscaler(disp, tolerance=2, tile=24)
    for name, value in (("tolerance", 2), ("tile", 24)):
        with pytest.raises(AttributeError, match=name):
            setattr(video, name, 0)
        assert getattr(video, name) == value


def test_only_a_model_of_its_own_is_closed(disp: Upscaler) -> None:
    frame = photo_like((20, 30), np.random.default_rng(3))
    with VideoUpscaler(disp) as shared, VideoUpscaler("disp", scale=2, device="cpu") as own:
        np.testing.assert_array_equal(shared.upscale(frame).image, own.upscale(frame).image)
    disp.upscale(frame)
    with pytest.raises(BackendError, match="is closed; load it again"):
        own.upscaler.upscale(frame)


def test_a_failure_leaves_nothing_to_build_on(disp: Upscaler, monkeypatch: pytest.MonkeyPatch) -> None:
    video, frame = VideoUpscaler(disp, tolerance=0), photo_like((20, 30), np.random.default_rng(4))
    expected = video.upscale(frame).image

    def fail(*arguments: Any) -> None:
        canvas, _ = arguments[-2:]
        canvas[:] = 0
        raise ModelError("half done")

    with monkeypatch.context() as patch:
        patch.setattr(PartUpscaler, "run", fail)
        with pytest.raises(ModelError):
            video.upscale(frame ^ 255)
    np.testing.assert_array_equal(video.upscale(frame).image, expected)


def test_the_inner_third_of_the_halo_is_enough(disp: Upscaler, photo: NDArray[np.float32]) -> None:
    frame = np.rint(photo * 255).astype(np.uint8)
    exact, near = (VideoUpscaler(disp, tolerance=tolerance, tile=8) for tolerance in (0, 1))
    frames = [frame, frame.copy()]
    frames[1][30:50, 40:60] ^= 255
    for each in frames:
        difference = exact.upscale(each).image.astype(int) - near.upscale(each).image.astype(int)
        assert np.abs(difference).max() <= 1


def test_tiles_are_smaller_where_they_are_joined() -> None:
    backend = FunctionBackend(lambda pixels: enlarged(pixels, 4))
    upscaler = Upscaler(backend)
    assert VideoUpscaler(upscaler).tile == 16
    assert VideoUpscaler(upscaler, tolerance=0).tile == 8
    backend.is_local = False
    assert VideoUpscaler(upscaler).tile == 32


@pytest.mark.parametrize("tolerance", [0, 3])
def test_a_tile_larger_than_the_frame_is_the_frame(disp: Upscaler, tolerance: float) -> None:
    frame = photo_like((20, 30), np.random.default_rng(3))
    huge, fitting = (VideoUpscaler(disp, tolerance=tolerance, tile=tile) for tile in (2**40, 32))
    for shown in (frame, spot(frame, np.random.default_rng(5)), frame):
        np.testing.assert_array_equal(huge.upscale(shown).image, fitting.upscale(shown).image)


def test_bad_settings(disp: Upscaler) -> None:
    for wrong in (
        {"tolerance": -1},
        {"tolerance": 255},
        {"tile": 12},
        {"tile": 0},
        {"tile": 8.0},
        {"budget": 0},
        {"budget": 2},
        {"tolerance": "high"},
        {"tolerance": None},
        {"tolerance": True},
        {"tolerance": np.array([2, 3])},
        {"budget": "half"},
        {"budget": True},
        {"reuse": "no"},
        {"reuse": None},
    ):
        with pytest.raises(UserError, match=re.escape(repr(next(iter(wrong.values()))))):
            VideoUpscaler(disp, **wrong)
    with pytest.raises(UserError, match="30x20, but the picture 20x30"):
        VideoUpscaler(disp, mask=np.ones((20, 30), np.bool_)).upscale(np.zeros((30, 20, 3), np.uint8))
    with pytest.raises(UserError, match=r"\(30, 20\)"):
        VideoUpscaler(disp).upscale(np.zeros((30, 20), np.uint8))
    for no_frame in (None, "a.png", [[[0, 0, 0]]]):
        with pytest.raises(UserError, match=r"must be an array \[height, width, 3\], not a"):
            VideoUpscaler(disp).upscale(no_frame)
    for wrong in ({"mask": np.ones((20, 30), np.bool_)}, {"budget": 0.4}):
        with pytest.raises(UserError, match="works everywhere"):
            VideoUpscaler("disp", scale=2, device="cpu", dense=True, **wrong)
    with pytest.raises(UserError, match="loaded already; leave out `scale`, `dilation`"):
        VideoUpscaler(disp, scale=4, dilation=11)
    for wrong in ({"mask": np.ones((20, 30), np.bool_)}, {"dilation": 3}):
        with pytest.raises(UserError, match="sets the dilation"):
            VideoUpscaler("disp", scale=2, device="cpu", budget=0.4, **wrong)
