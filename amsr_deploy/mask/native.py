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
    library = native.load()
    return reference.compute_mask(
        image, dilation, strategy, native_passes(library) if library else reference.NUMPY_PASSES
    )


def native_passes(library: CDLL) -> reference.Passes:
    """The passes over all pixels as the native library makes them."""
    return reference.Passes(
        partial(_high_frequencies, library), partial(_histogram, library), partial(_mask_above, library)
    )


def _high_frequencies(library: CDLL, image: NDArray[np.float32]) -> NDArray[np.float32] | None:
    detail = np.empty(image.shape[:2], dtype=np.float32)
    pixels = np.ascontiguousarray(image, dtype=np.float32)
    varies = library.amsr_high_frequencies(pixels, *detail.shape, reference.GAUSSIAN_TAPS, reference.FLAT_RANGE, detail)
    return detail if varies else None


def _histogram(library: CDLL, frequencies: NDArray[np.float32]) -> NDArray[np.int64]:
    counts = np.empty(reference.HISTOGRAM_BINS, dtype=np.int64)
    library.amsr_histogram(frequencies, frequencies.size, counts, counts.size)
    return counts


def _mask_above(library: CDLL, frequencies: NDArray[np.float32], threshold: float, dilation: int) -> NDArray[np.bool_]:
    grown = np.empty(frequencies.shape, dtype=np.bool_)
    library.amsr_mask_above(frequencies, *frequencies.shape, threshold, dilation, grown)
    return grown
