"""The mask that a budget of arithmetic pays for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from amsr_deploy.mask import Mask, dilate
from amsr_deploy.runtime.masking import Masking

LARGEST = 65
"""The largest dilation that is tried: it covers nearly all of a picture."""


def mask_for(masking: Masking, image: NDArray[np.float32], budget: float | None) -> tuple[Mask, int]:
    """Find the mask of a picture [H, W, 3] and its dilation, which is that of a budget where there is one."""
    if budget is None:
        return masking.mask(image), masking.dilation
    mask = masking.mask(image, dilation=1)
    pixels, dilation = mask_within(masking, mask.pixels, budget)
    return replace(mask, pixels=pixels), dilation


def mask_within(masking: Masking, mask: NDArray[np.bool_], budget: float) -> tuple[NDArray[np.bool_], int]:
    """Find the largest dilation whose cost stays within a budget.

    Args:
        masking: of a masked model.
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
        if masking.cost_share(grown) <= budget:
            low, best = radius, grown
        else:
            high = radius - 1
    return best, 2 * low + 1
