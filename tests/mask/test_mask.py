"""The mask: its definition, its edge cases, and its twin in native code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from amsr_deploy import native
from amsr_deploy.descriptor import STRATEGIES, Strategy
from amsr_deploy.errors import UserError
from amsr_deploy.mask import compute_mask, dilate, high_frequencies, keep_windows, pixel_index
from amsr_deploy.mask.compiled import best_passes, compiled_passes
from amsr_deploy.mask.compute import limit_of_drawn, two_means
from amsr_deploy.mask.detail import Detail, mask_reach
from amsr_deploy.mask.passes import NUMPY_PASSES

DILATIONS = [1, 3, 5, 7, 11, 21, 2**64 + 1]


@st.composite
def pictures(draw: st.DrawFn) -> NDArray[np.float32]:
    """Random 8-bit pictures, some of them flat in parts, as float32 in [0, 1]."""
    height, width = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    image = random.integers(0, draw(st.integers(1, 256)), (height, width, 3))
    image[: draw(st.integers(0, height))] = draw(st.integers(0, 255))
    return image.astype(np.float32) / 255


@st.composite
def masks(draw: st.DrawFn, height: int = 30, width: int = 30) -> NDArray[np.bool_]:
    """Empty, full, one-pixel and random masks."""
    height, width = draw(st.integers(1, height)), draw(st.integers(1, width))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return random.random((height, width)) < draw(st.sampled_from([0, 0.01, 0.3, 1]))


@contextmanager
def without_native_code() -> Iterator[None]:
    """Masks as they are made in NumPy."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(native, "library_path", lambda: None)
        yield


def blur_directly(image: NDArray[np.float32]) -> NDArray[np.float64]:
    """The 5 x 5 Gaussian of sigma 1 as a plain sum in double precision."""
    taps = np.exp(-(np.arange(-2, 3) ** 2) / 2)
    taps /= taps.sum()
    padded = np.pad(image.astype(np.float64), ((2, 2), (2, 2), (0, 0)), mode="reflect")
    height, width = image.shape[:2]
    return sum(taps[i] * taps[j] * padded[i : i + height, j : j + width] for i in range(5) for j in range(5))  # type: ignore[return-value]


@given(image=pictures())
def test_high_frequencies_follow_their_definition(image: NDArray[np.float32]) -> None:
    detail = np.abs(image - blur_directly(image)).mean(axis=2)
    spread = detail.max() - detail.min()
    actual = high_frequencies(image)
    if actual is None:
        assert spread < 2e-6
    else:
        np.testing.assert_allclose(actual * spread, detail - detail.min(), atol=1e-6)
        assert actual.min() == 0
        assert actual.max() == 1


@pytest.mark.skipif(native.library_path() is None, reason="the native library is not built")
@given(image=pictures(), dilation=st.sampled_from(DILATIONS), strategy=st.sampled_from(STRATEGIES))
def test_native_code_is_equal(image: NDArray[np.float32], dilation: int, strategy: Strategy) -> None:
    library = native.load()
    assert library is not None
    compiled, frequencies = compiled_passes(library), high_frequencies(image)
    if frequencies is None:
        assert compiled.high_frequencies(image) is None
    else:
        np.testing.assert_array_equal(compiled.high_frequencies(image), frequencies)
    for picture in (image, image[::2, ::2]):  # the second one is not contiguous
        with without_native_code():
            expected = compute_mask(picture, dilation, strategy)
        actual = compute_mask(picture, dilation, strategy)
        np.testing.assert_array_equal(actual.pixels, expected.pixels)
        assert (actual.threshold, actual.rounds) == (expected.threshold, expected.rounds)


@pytest.mark.skipif(native.library_path() is None, reason="the native library is not built")
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30])
def test_native_code_survives_pixels_that_are_none(value: float) -> None:
    image = np.random.default_rng(0).random((40, 50, 3), dtype=np.float32)
    image[10, 10, 0] = value
    with np.errstate(all="ignore"):
        assert compute_mask(image).pixels.shape == (40, 50)
        assert isinstance(Detail(image).threshold(), float)


@given(image=pictures(), dilation=st.sampled_from([1, 3, 7]), strategy=st.sampled_from(STRATEGIES))
def test_a_threshold_of_detail_makes_the_pictures_own_mask(
    image: NDArray[np.float32], dilation: int, strategy: Strategy
) -> None:
    with without_native_code():
        threshold = Detail(image).threshold(strategy)
        pixels = Detail(image).mask_above(threshold, dilation)
        expected = compute_mask(image, dilation, strategy).pixels
    assert (pixels != expected).mean() <= 0.02  # values at the threshold are rounded otherwise
    assert Detail(image).threshold(strategy) == threshold
    np.testing.assert_array_equal(Detail(image).mask_above(threshold, dilation), pixels)


@given(image=pictures(), dilation=st.sampled_from([1, 3, 7]), place=st.tuples(st.floats(0, 0.99), st.floats(0, 0.99)))
def test_a_threshold_of_detail_looks_no_further_than_its_reach(
    image: NDArray[np.float32], dilation: int, place: tuple[float, float]
) -> None:
    y, x = (int(share * side) for share, side in zip(place, image.shape[:2], strict=True))
    changed, reach = image.copy(), mask_reach(dilation)
    changed[y, x] = 1 - changed[y, x]
    differs = Detail(image).mask_above(0.1, dilation) != Detail(changed).mask_above(0.1, dilation)
    differs[max(y - reach, 0) : y + reach + 1, max(x - reach, 0) : x + reach + 1] = False
    assert not differs.any()


def test_masks_are_made_in_native_code_where_there_is_some() -> None:
    assert (best_passes() == NUMPY_PASSES) == (native.library_path() is None)
    with without_native_code():
        assert best_passes() == NUMPY_PASSES


@given(mask=masks(), dilation=st.sampled_from(DILATIONS))
def test_dilation_is_a_square(mask: NDArray[np.bool_], dilation: int) -> None:
    radius = dilation // 2
    expected = np.zeros_like(mask)
    for y, x in np.argwhere(mask).tolist():
        expected[max(y - radius, 0) : y + radius + 1, max(x - radius, 0) : x + radius + 1] = True
    np.testing.assert_array_equal(dilate(mask, dilation), expected)


@given(mask=masks())
def test_index_names_the_masked_pixels(mask: NDArray[np.bool_]) -> None:
    index = pixel_index(mask)
    assert index.dtype == np.int64
    rebuilt = np.zeros(mask.size, dtype=np.bool_)
    rebuilt[index] = True
    np.testing.assert_array_equal(rebuilt.reshape(mask.shape), mask)
    assert (np.diff(index) > 0).all()


@given(
    down=st.integers(1, 4),
    across=st.integers(1, 4),
    shift=st.sampled_from([0, 4]),
    threshold=st.sampled_from([0.0, 0.3, 0.5, 1.0]),
    seed=st.integers(0, 2**32 - 1),
)
def test_windows_are_kept_by_their_share(down: int, across: int, shift: int, threshold: float, seed: int) -> None:
    mask = np.random.default_rng(seed).random((down * 8, across * 8)) < 0.45
    kept = set(np.flatnonzero(keep_windows(mask, 8, threshold, shift)).tolist())
    for window in range(down * across):
        y = (np.arange(8) + window // across * 8 + shift) % mask.shape[0]
        x = (np.arange(8) + window % across * 8 + shift) % mask.shape[1]
        assert (window in kept) == (mask[np.ix_(y, x)].mean() >= threshold)


def test_flat_picture_has_an_empty_mask() -> None:
    assert not compute_mask(np.full((20, 30, 3), 0.4, dtype=np.float32)).pixels.any()


def test_only_the_edge_is_masked() -> None:
    image = np.zeros((40, 60, 3), dtype=np.float32)
    image[:, 30:] = 1
    found = compute_mask(image, dilation=5)
    assert found.pixels[:, 27:33].all()
    assert not found.pixels[:, :20].any()
    assert not found.pixels[:, 40:].any()
    assert found.density == found.pixels.mean()


INKS = [0, 110, 187, 220, 240]
"""Greys of letters on white paper, 15 of 255 from it and more."""


def page(*inks: int) -> NDArray[np.float32]:
    """Two lines of letters in each grey, with the margins that pages have: [H, W, 3] in [0, 1]."""
    picture = Image.new("L", (200, 60 * len(inks)), 255)
    draw = ImageDraw.Draw(picture)
    for number, ink in enumerate(inks):
        draw.text((20, 60 * number), "grey as ashes\nand (fog) &c.", ink, ImageFont.load_default(18))
    return np.repeat(np.asarray(picture, np.float32)[..., None] / 255, 3, axis=2)


@pytest.mark.parametrize("native_code", [True, False])
@pytest.mark.parametrize("inverted", [False, True])
def test_letters_of_all_greys_on_a_page_are_masked_whole(native_code: bool, inverted: bool) -> None:
    image = 1 - page(*INKS) if inverted else page(*INKS)
    with nullcontext() if native_code else without_native_code():
        masks_found = [
            compute_mask(image, dilation=5).pixels,
            Detail(image).mask_above(Detail(image).threshold(), dilation=5),  # as in videos
        ]
    letters = np.abs(image[..., 0] - image[0, 0, 0]) > 4 / 255
    for mask in masks_found:
        assert mask[letters].all()
        assert 0.3 < mask.mean() < 0.6


def test_a_photo_has_the_threshold_of_two_means(photo: NDArray[np.float32]) -> None:
    frequencies = high_frequencies(photo)
    assert frequencies is not None
    assert compute_mask(photo).threshold == two_means(NUMPY_PASSES.histogram(frequencies))[0]


def test_two_means_finds_the_middle_of_two_heaps() -> None:
    histogram = np.zeros(4096, dtype=np.int64)
    histogram[[0, 400]] = 500
    histogram[[1200, 4095]] = 1
    threshold, rounds = two_means(histogram)
    centres = np.array([0.5, 400.5, 1200.5, 4095.5]) / 4096
    assert threshold == pytest.approx((np.average(centres[:3], weights=[500, 500, 1]) + centres[3]) / 2, abs=2e-4)
    assert 1 < rounds < 30


def test_photo_density_is_that_of_the_paper(data: object) -> None:
    """Design 2.1: about 0.3 to 0.4 at k = 5 on large photos (mean), reduced four times."""
    from pathlib import Path

    from PIL import Image

    densities = []
    for path in sorted(Path(str(data), "large2k").iterdir()):
        with Image.open(path) as file:
            small = file.convert("RGB").resize((file.width // 4, file.height // 4), Image.Resampling.BICUBIC)
        densities.append(compute_mask(np.asarray(small, dtype=np.float32) / 255).density)
    assert 0.2 < np.mean(densities) < 0.5


@pytest.mark.parametrize("dilation", [0, -3, 2, 8])
def test_dilation_must_be_odd(dilation: int) -> None:
    with pytest.raises(UserError, match=f"dilation {dilation}"):
        compute_mask(np.zeros((4, 4, 3), dtype=np.float32), dilation)


def test_unknown_strategy_is_named() -> None:
    image = np.random.default_rng(0).random((8, 8, 3), dtype=np.float32)
    with pytest.raises(UserError, match=r"guess.*kmeans"):
        compute_mask(image, 5, "guess")  # type: ignore[arg-type]


def test_the_threshold_falls_gradually_from_photos_to_drawings() -> None:
    def threshold(flat: int) -> float:
        return limit_of_drawn(0.2, np.array([flat, 1000 - flat]))

    thresholds = np.array([threshold(flat) for flat in range(1001)])
    assert (thresholds[:401] == 0.2).all()
    assert thresholds[600:] == pytest.approx(0.01)
    steps = np.diff(thresholds)
    assert ((steps >= -0.005) & (steps <= 0)).all()


@pytest.mark.parametrize("flat", [0.1, 0.5, 0.9])
def test_a_low_threshold_is_not_raised(flat: float) -> None:
    assert limit_of_drawn(0.004, np.array([round(1000 * flat), 1000 - round(1000 * flat)])) == 0.004
