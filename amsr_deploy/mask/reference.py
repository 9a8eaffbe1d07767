"""The training-free mask: where a picture has edges and texture (Shang et al., section 3.1; docs/architecture.md)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from amsr_deploy.descriptor import STRATEGIES, Strategy
from amsr_deploy.errors import UserError
from amsr_deploy.numeric import is_whole

FLAT_RANGE = 1e-6
"""A picture whose high frequencies span less than this is flat: its mask is empty."""
HISTOGRAM_BINS = 4096
MAX_ROUNDS = 30
TOLERANCE = 1e-4
_STRIP_ROWS = 32  # rows blurred at a time, so that all temporaries of a strip stay in the L2 cache

_offsets = np.arange(-2, 3, dtype=np.float64)
_taps = np.exp(-(_offsets**2) / 2)
GAUSSIAN_TAPS: NDArray[np.float32] = (_taps / _taps.sum()).astype(np.float32)[2:]
"""Centre, first and second tap of the normalised 5-tap Gaussian of sigma 1."""


@dataclass(frozen=True)
class Mask:
    """A mask and how it came about.

    Attributes:
        pixels: [H, W] bool, true where the network works.
        threshold: the split of the normalised high frequencies, in [0, 1].
        rounds: rounds of two-means that were needed; 0 for the other strategies and flat pictures.
    """

    pixels: NDArray[np.bool_]
    threshold: float
    rounds: int

    @property
    def density(self) -> float:
        """Share of masked pixels, in [0, 1]."""
        return float(np.count_nonzero(self.pixels)) / self.pixels.size


def high_frequencies(image: NDArray[np.float32]) -> NDArray[np.float32] | None:
    """Find what a Gaussian blur takes away, averaged over the channels and stretched to [0, 1] (steps 1 and 2).

    Args:
        image: [H, W, 3] float32 in [0, 1].

    Returns:
        [H, W] float32 whose minimum is 0 and maximum 1; None where the picture is flat.
    """
    frequencies = detail(image)
    low, high = frequencies.min(), frequencies.max()
    if high - low < FLAT_RANGE:
        return None
    frequencies -= low
    frequencies /= high - low
    return frequencies


def detail(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Find what a Gaussian blur takes away, averaged over the channels: [H, W] float32 of [H, W, 3] in [0, 1]."""
    height = image.shape[0]
    padded = np.pad(image, ((2, 2), (2, 2), (0, 0)), mode="reflect")
    result = np.empty(image.shape[:2], dtype=np.float32)
    for top in range(0, height, _STRIP_ROWS):
        bottom = min(top + _STRIP_ROWS, height)
        blurred = _blur(padded[top : bottom + 4])
        residue = np.abs(image[top:bottom] - blurred)
        result[top:bottom] = (residue[..., 0] + residue[..., 1] + residue[..., 2]) / np.float32(3)
    return result


def _blur(padded: NDArray[np.float32]) -> NDArray[np.float32]:
    """Separable 5-tap Gaussian of [H+4, W+4, C]; returns [H, W, C]."""
    centre, first, second = GAUSSIAN_TAPS
    rows = padded[2:-2] * centre + (padded[1:-3] + padded[3:-1]) * first + (padded[:-4] + padded[4:]) * second
    return rows[:, 2:-2] * centre + (rows[:, 1:-3] + rows[:, 3:-1]) * first + (rows[:, :-4] + rows[:, 4:]) * second


def histogram(frequencies: NDArray[np.float32]) -> NDArray[np.int64]:
    """Count frequencies in [0, 1] in `HISTOGRAM_BINS` equally wide bins."""
    bins = np.minimum((frequencies * np.float32(HISTOGRAM_BINS)).astype(np.int32), HISTOGRAM_BINS - 1)
    return np.bincount(bins.ravel(), minlength=HISTOGRAM_BINS)


def mask_above(frequencies: NDArray[np.float32], threshold: float, dilation: int) -> NDArray[np.bool_]:
    """Where frequencies [H, W] exceed the threshold (compared as float32), grown by `dilate`: [H, W] bool."""
    return dilate(frequencies > np.float32(threshold), dilation)


@dataclass(frozen=True)
class Passes:
    """The steps of a mask that go over all pixels: this module's, or others with equal results."""

    high_frequencies: Callable[[NDArray[np.float32]], NDArray[np.float32] | None] = high_frequencies
    detail: Callable[[NDArray[np.float32]], NDArray[np.float32]] = detail
    histogram: Callable[[NDArray[np.float32]], NDArray[np.int64]] = histogram
    mask_above: Callable[[NDArray[np.float32], float, int], NDArray[np.bool_]] = mask_above


NUMPY_PASSES = Passes()


def compute_mask(
    image: NDArray[np.float32], dilation: int = 5, strategy: Strategy = "kmeans", passes: Passes = NUMPY_PASSES
) -> Mask:
    """Compute the mask of a picture.

    Args:
        image: [H, W, 3] float32 in [0, 1], RGB, low resolution.
        dilation: side k of the square that grows the mask, odd; 1 leaves it as it is.
        strategy: how the threshold is found (ablation of the paper's Table 4).
        passes: what makes the passes over all pixels.

    Raises:
        UserError: an even or non-positive dilation, an unknown strategy.
    """
    check_dilation(dilation)
    frequencies = passes.high_frequencies(image)
    if frequencies is None:
        return Mask(np.zeros(image.shape[:2], dtype=np.bool_), threshold=0.0, rounds=0)
    threshold, rounds = find_threshold(frequencies, strategy, passes)
    return Mask(passes.mask_above(frequencies, threshold, dilation), threshold, rounds)


def detail_threshold(image: NDArray[np.float32], strategy: Strategy = "kmeans", passes: Passes = NUMPY_PASSES) -> float:
    """Find the detail above which `compute_mask` masks a picture [H, W, 3] in [0, 1]; infinite where that is flat.

    Unlike the threshold of a mask it has a meaning in other pictures too: see `mask_above_detail`.

    Raises:
        UserError: an unknown strategy.
    """
    found = passes.detail(image)
    low, high = found.min(), found.max()
    if high - low < FLAT_RANGE:
        return float("inf")
    threshold, _ = find_threshold((found - low) / (high - low), strategy, passes)
    return float(low + np.float32(threshold) * (high - low))


def mask_above_detail(
    image: NDArray[np.float32], threshold: float, dilation: int = 5, passes: Passes = NUMPY_PASSES
) -> NDArray[np.bool_]:
    """Where the detail of a picture [H, W, 3] in [0, 1] is above a threshold, grown: [H, W] bool.

    A pixel of it depends on the pixels at most `mask_reach` away, and on nothing else.

    Raises:
        UserError: an even or non-positive dilation.
    """
    check_dilation(dilation)
    return passes.mask_above(passes.detail(image), threshold, dilation)


def mask_reach(dilation: int) -> int:
    """How many pixels away `mask_above_detail` looks."""
    return len(GAUSSIAN_TAPS) - 1 + dilation // 2


def find_threshold(
    frequencies: NDArray[np.float32], strategy: Strategy = "kmeans", passes: Passes = NUMPY_PASSES
) -> tuple[float, int]:
    """Find the threshold between smooth and detailed pixels, and the rounds it took.

    Args:
        frequencies: [H, W] float32 in [0, 1], spanning the whole range.
        strategy: `kmeans`, `fixed` (0.5) or `median`.
        passes: what makes the passes over all pixels.

    Raises:
        UserError: an unknown strategy.
    """
    if strategy == "kmeans":
        return two_means(passes.histogram(frequencies))
    if strategy == "fixed":
        return 0.5, 0
    if strategy == "median":
        return float(np.median(frequencies)), 0
    raise UserError(f"unknown mask strategy {strategy!r}; use one of: {', '.join(STRATEGIES)}")


def two_means(histogram: NDArray[np.int64]) -> tuple[float, int]:
    """Two-means in one dimension on a histogram over [0, 1], both centres starting at 0.5 (step 3).

    Args:
        histogram: [B] counts; the first and the last bin must not be empty.

    Returns:
        The threshold in [0, 1] and the number of rounds.
    """
    centres = (np.arange(len(histogram)) + 0.5) / len(histogram)
    count = np.concatenate(([0], np.cumsum(histogram)))
    total = np.concatenate(([0.0], np.cumsum(histogram * centres)))
    threshold, change, rounds = 0.5, 1.0, 0
    while change >= TOLERANCE and rounds < MAX_ROUNDS:
        split = int(np.searchsorted(centres, threshold, side="right"))
        below = total[split] / count[split]
        above = (total[-1] - total[split]) / (count[-1] - count[split])
        previous, threshold = threshold, float((below + above) / 2)
        change = abs(threshold - previous)
        rounds += 1
    return threshold, rounds


def dilate(mask: NDArray[np.bool_], dilation: int) -> NDArray[np.bool_]:
    """Grow a mask by a k x k square, k odd (step 4).

    Args:
        mask: [H, W] bool.
        dilation: side k of the square; 1 changes nothing.

    Raises:
        UserError: an even or non-positive dilation.
    """
    check_dilation(dilation)
    return _dilate_rows(_dilate_rows(mask, dilation).T, dilation).T


def _dilate_rows(mask: NDArray[np.bool_], dilation: int) -> NDArray[np.bool_]:
    """Dilation along the first axis; the reach grows by doubling."""
    height = mask.shape[0]
    dilation = min(dilation, 2 * height - 1)  # no square reaches further
    radius = dilation // 2
    window = np.zeros((height + 2 * radius, mask.shape[1]), dtype=np.bool_)
    window[2 * radius :] = mask  # window[i] covers mask[i - 2 * radius .. i - 2 * radius + reach - 1]
    reach = 1
    while reach < dilation:
        step = min(reach, dilation - reach)
        window[:-step] |= window[step:].copy()
        reach += step
    return window[radius : radius + height]


def check_dilation(dilation: object) -> None:
    """Raise UserError unless the dilation is a positive odd number."""
    if not is_whole(dilation) or dilation < 1 or dilation % 2 == 0:
        raise UserError(f"dilation {dilation!r} is not a positive odd number; use 1 (none), 3, 5, 7, ...")


def pixel_index(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Row-major positions y * W + x of the masked pixels of [H, W], increasing: the network's input `index` [Q]."""
    return np.flatnonzero(mask).astype(np.int64, copy=False)


def keep_windows(mask: NDArray[np.bool_], window_size: int, threshold: float, shift: int = 0) -> NDArray[np.bool_]:
    """Windows whose share of masked pixels reaches the threshold (Eq. 5).

    Args:
        mask: [H, W] bool, both sides multiples of the window size.
        window_size: side of a window in pixels.
        threshold: sigma, in [0, 1].
        shift: cyclic shift of the layer: the mask is rolled by -shift along both axes, as the features are.

    Returns:
        [H / window_size, W / window_size] bool; its true entries, numbered row by row, are the network's inputs
        `windows` and `shifted_windows`.
    """
    rolled = np.roll(mask, (-shift, -shift), axis=(0, 1)) if shift else mask
    height, width = mask.shape
    blocks = rolled.reshape(height // window_size, window_size, width // window_size, window_size)
    return np.asarray(blocks.sum(axis=(1, 3)) >= threshold * window_size**2)
