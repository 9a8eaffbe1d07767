"""Masks of a wanted density that look like real ones."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from amsr_deploy.mask import dilate

_STEPS = 20  # halvings of the threshold's range


def mask_of_density(frequencies: NDArray[np.float32], density: float, dilation: int) -> NDArray[np.bool_]:
    """Find the dilated mask whose share of pixels is as near to a density as the photo allows.

    Args:
        frequencies: [H, W] of a photo, in [0, 1] (see `amsr_deploy.mask.high_frequencies`).
        density: share of masked pixels, in [0, 1].
        dilation: side k of the square that grows the mask.
    """
    if density >= 1:
        return np.ones(frequencies.shape, dtype=np.bool_)
    low, high = 0.0, 1.0
    tried = []
    for _ in range(_STEPS):
        threshold = (low + high) / 2
        tried.append(dilate(frequencies > threshold, dilation))
        low, high = (threshold, high) if tried[-1].mean() > density else (low, threshold)
    return min(tried, key=lambda mask: abs(mask.mean() - density))
