"""The mask that a budget of arithmetic pays for."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from amsr_deploy.runtime.upscaler import Upscaler

LARGEST = 65
"""The largest dilation that is tried: it covers nearly all of a picture."""


def mask_within(
    upscaler: Upscaler, mask_of: Callable[[int], NDArray[np.bool_]], budget: float
) -> tuple[NDArray[np.bool_], int]:
    """Find the largest dilation whose cost stays within a budget.

    Args:
        upscaler: a masked model.
        mask_of: makes the mask [H, W] of a picture for a dilation; larger dilations mask no less.
        budget: most multiply-accumulates, as a share of the dense network's.

    Returns:
        The mask and its dilation; that of dilation 1, where even it costs more.
    """
    low, high = 0, LARGEST // 2  # radii: dilation 2 r + 1; costs rise with them
    best = mask_of(1)
    while low < high:
        radius = (low + high + 1) // 2
        mask = mask_of(2 * radius + 1)
        if upscaler.cost_share(mask) <= budget:
            low, best = radius, mask
        else:
            high = radius - 1
    return best, 2 * low + 1
