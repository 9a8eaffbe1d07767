"""The mask that a budget of arithmetic pays for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from amsr_deploy.mask import Mask
from amsr_deploy.runtime.upscaler import Upscaler

LARGEST = 65
"""The largest dilation that is tried: it covers nearly all of a picture."""


def mask_within(upscaler: Upscaler, image: NDArray[np.float32], budget: float) -> tuple[Mask, int]:
    """Find the largest dilation whose cost stays within a budget.

    Args:
        upscaler: a masked model.
        image: [H, W, 3] float32 in [0, 1].
        budget: most multiply-accumulates, as a share of the dense network's.

    Returns:
        The mask and its dilation; that of dilation 1, where even it costs more.
    """
    low, high = 0, LARGEST // 2  # radii: dilation 2 r + 1; costs rise with them
    best = upscaler.mask(image, 1)
    while low < high:
        radius = (low + high + 1) // 2
        mask = upscaler.mask(image, 2 * radius + 1)
        if upscaler.cost_share(mask.pixels) <= budget:
            low, best = radius, mask
        else:
            high = radius - 1
    return best, 2 * low + 1
