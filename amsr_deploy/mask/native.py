"""The mask as the runtime makes it: the passes of `mask.reference` in native code, with equal results."""

from __future__ import annotations

from ctypes import CDLL
from functools import partial

import numpy as np
from numpy.typing import NDArray

from amsr_deploy import native
from amsr_deploy.descriptor import Strategy
from amsr_deploy.mask import reference


def compute_mask(image: NDArray[np.float32], dilation: int = 5, strategy: Strategy = "kmeans") -> reference.Mask:
    """`reference.compute_mask`, some times faster where the native library is there."""
    return reference.compute_mask(image, dilation, strategy, _passes())


def detail_threshold(image: NDArray[np.float32], strategy: Strategy = "kmeans") -> float:
    """`reference.detail_threshold`, some times faster where the native library is there."""
    return reference.detail_threshold(image, strategy, _passes())


def mask_above_detail(image: NDArray[np.float32], threshold: float, dilation: int = 5) -> NDArray[np.bool_]:
    """`reference.mask_above_detail`, some times faster where the native library is there."""
    return reference.mask_above_detail(image, threshold, dilation, _passes())


def _passes() -> reference.Passes:
    library = native.load()
    return native_passes(library) if library else reference.NUMPY_PASSES


def native_passes(library: CDLL) -> reference.Passes:
    """Return the passes over all pixels as the native library makes them."""
    return reference.Passes(
        partial(_high_frequencies, library),
        partial(_detail, library),
        partial(_histogram, library),
        partial(_mask_above, library),
    )


def _high_frequencies(library: CDLL, image: NDArray[np.float32]) -> NDArray[np.float32] | None:
    found, varies = _stretched(library, image, reference.FLAT_RANGE)
    return found if varies else None


def _detail(library: CDLL, image: NDArray[np.float32]) -> NDArray[np.float32]:
    found, _ = _stretched(library, image, float("inf"))
    return found


def _stretched(library: CDLL, image: NDArray[np.float32], flat_range: float) -> tuple[NDArray[np.float32], bool]:
    """Find the detail of a picture, and whether it spans a range; only then it is stretched to [0, 1]."""
    found = np.empty(image.shape[:2], dtype=np.float32)
    pixels = np.ascontiguousarray(image, dtype=np.float32)
    return found, library.amsr_high_frequencies(pixels, *found.shape, reference.GAUSSIAN_TAPS, flat_range, found)


def _histogram(library: CDLL, frequencies: NDArray[np.float32]) -> NDArray[np.int64]:
    counts = np.empty(reference.HISTOGRAM_BINS, dtype=np.int64)
    library.amsr_histogram(frequencies, frequencies.size, counts, counts.size)
    return counts


def _mask_above(library: CDLL, frequencies: NDArray[np.float32], threshold: float, dilation: int) -> NDArray[np.bool_]:
    grown = np.empty(frequencies.shape, dtype=np.bool_)
    enough = min(dilation, 2 * max(grown.shape) - 1)  # C's integers end, and no square reaches further
    library.amsr_mask_above(frequencies, *grown.shape, threshold, enough, grown)
    return grown
