"""The mask as the runtime makes it: the slow part of `amsr_deploy.mask` in native code, with equal results."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from amsr_deploy import mask
from amsr_deploy.descriptor import Strategy
from amsr_deploy.runtime import native


def compute_mask(image: NDArray[np.float32], dilation: int = 5, strategy: Strategy = "kmeans") -> mask.Mask:
    """`mask.compute_mask`, some times faster where the native library is there."""
    return mask.compute_mask(image, dilation, strategy, high_frequencies)


def high_frequencies(image: NDArray[np.float32]) -> NDArray[np.float32] | None:
    """`mask.high_frequencies`, by native code where it is there."""
    library = native.load()
    if library is None:
        return mask.high_frequencies(image)
    detail = np.empty(image.shape[:2], dtype=np.float32)
    pixels = np.ascontiguousarray(image, dtype=np.float32)
    varies = library.amsr_high_frequencies(pixels, *detail.shape, mask.GAUSSIAN_TAPS, mask.FLAT_RANGE, detail)
    return detail if varies else None
