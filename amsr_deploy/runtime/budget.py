"""The mask that a budget of arithmetic pays for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from amsr_deploy.mask import dilate
from amsr_deploy.runtime.upscaler import Upscaler

LARGEST = 65
"""The largest dilation that is tried: it covers nearly all of a picture."""


def mask_within(upscaler: Upscaler, mask: NDArray[np.bool_], budget: float) -> tuple[NDArray[np.bool_], int]:
    """Find the largest dilation whose cost stays within a budget.

    Args:
        upscaler: a masked model.
        mask: [H, W], of dilation 1.
        budget: most multiply-accumulates, as a share of the dense network's.

    Returns:
        The mask and its dilation; that of dilation 1, where even it costs more.
    """
    low, high = 0, LARGEST // 2  # radii: dilation 2 r + 1; costs rise with them
    best = mask
    while low < high:
        radius = (low + high + 1) // 2
        grown = dilate(mask, 2 * radius + 1)
        if upscaler.cost_share(grown) <= budget:
            low, best = radius, grown
        else:
            high = radius - 1
    return best, 2 * low + 1
