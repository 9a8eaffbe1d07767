"""Masks by a threshold that has a meaning in other pictures too, such as the frames of a scene."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from amsr_deploy.descriptor import Strategy
from amsr_deploy.mask.compiled import best_passes
from amsr_deploy.mask.compute import find_threshold
from amsr_deploy.mask.passes import FLAT_RANGE, GAUSSIAN_TAPS, check_dilation


def detail_threshold(image: NDArray[np.float32], strategy: Strategy = "kmeans") -> float:
    """Find the detail above which `compute_mask` masks a picture [H, W, 3] in [0, 1]; infinite where that is flat.

    Unlike the threshold of a mask it has a meaning in other pictures too: see `mask_above_detail`.

    Raises:
        UserError: an unknown strategy.
        BackendError: see `best_passes`.
    """
    passes = best_passes()
    found = passes.detail(image)
    low, high = found.min(), found.max()
    if high - low < FLAT_RANGE:
        return float("inf")
    threshold, _ = find_threshold((found - low) / (high - low), strategy, passes)
    return float(low + np.float32(threshold) * (high - low))


def mask_above_detail(image: NDArray[np.float32], threshold: float, dilation: int) -> NDArray[np.bool_]:
    """Where the detail of a picture [H, W, 3] in [0, 1] is above a threshold, grown: [H, W] bool.

    A pixel of it depends on the pixels at most `mask_reach` away, and on nothing else.

    Raises:
        UserError: an even or non-positive dilation.
        BackendError: see `best_passes`.
    """
    check_dilation(dilation)
    passes = best_passes()
    return passes.mask_above(passes.detail(image), threshold, dilation)


def mask_reach(dilation: int) -> int:
    """How many pixels away `mask_above_detail` looks."""
    return len(GAUSSIAN_TAPS) - 1 + dilation // 2
