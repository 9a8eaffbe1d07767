"""The steps of a mask that go over all pixels, in NumPy: what they mean, and what they are without native code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from amsr_deploy.errors import UserError
from amsr_deploy.numeric import is_whole

FLAT_RANGE = 1e-6
"""A picture whose high frequencies span less than this is flat: its mask is empty."""
HISTOGRAM_BINS = 4096
_STRIP_ROWS = 32  # rows blurred at a time, so that all temporaries of a strip stay in the L2 cache

_offsets = np.arange(-2, 3, dtype=np.float64)
_taps = np.exp(-(_offsets**2) / 2)
GAUSSIAN_TAPS: NDArray[np.float32] = (_taps / _taps.sum()).astype(np.float32)[2:]
"""Centre, first and second tap of the normalised 5-tap Gaussian of sigma 1."""


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
    """Blur [H + 4, W + 4, C] by a separable 5-tap Gaussian: [H, W, C]."""
    centre, first, second = GAUSSIAN_TAPS
    rows = padded[2:-2] * centre + (padded[1:-3] + padded[3:-1]) * first + (padded[:-4] + padded[4:]) * second
    return rows[:, 2:-2] * centre + (rows[:, 1:-3] + rows[:, 3:-1]) * first + (rows[:, :-4] + rows[:, 4:]) * second


def histogram(frequencies: NDArray[np.float32]) -> NDArray[np.int64]:
    """Count frequencies in [0, 1] in `HISTOGRAM_BINS` equally wide bins."""
    bins = np.minimum((frequencies * np.float32(HISTOGRAM_BINS)).astype(np.int32), HISTOGRAM_BINS - 1)
    return np.bincount(bins.ravel(), minlength=HISTOGRAM_BINS)


def mask_above(frequencies: NDArray[np.float32], threshold: float, dilation: int) -> NDArray[np.bool_]:
    """Mask where frequencies [H, W] exceed the threshold (compared as float32), grown by `dilate`: [H, W] bool."""
    return dilate(frequencies > np.float32(threshold), dilation)


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
    """Dilate [H, W] along the first axis; the reach grows by doubling."""
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


@dataclass(frozen=True)
class Passes:
    """The steps of a mask that go over all pixels: this module's, or others with equal results."""

    high_frequencies: Callable[[NDArray[np.float32]], NDArray[np.float32] | None] = high_frequencies
    detail: Callable[[NDArray[np.float32]], NDArray[np.float32]] = detail
    histogram: Callable[[NDArray[np.float32]], NDArray[np.int64]] = histogram
    mask_above: Callable[[NDArray[np.float32], float, int], NDArray[np.bool_]] = mask_above


NUMPY_PASSES = Passes()
