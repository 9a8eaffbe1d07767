"""Masks by a threshold that has a meaning in other pictures too, such as the frames of a scene."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from amsr_deploy.descriptor import Strategy
from amsr_deploy.mask.compiled import best_passes
from amsr_deploy.mask.compute import find_threshold
from amsr_deploy.mask.passes import FLAT_RANGE, GAUSSIAN_TAPS, check_dilation


class Detail:
    """The detail of a picture, which is found once for its threshold and for all of its masks.

    Attributes:
        image: the picture, [H, W, 3] float32 in [0, 1].
    """

    def __init__(self, image: NDArray[np.float32]) -> None:
        self.image = image

    @cached_property
    def values(self) -> NDArray[np.float32]:
        """What a Gaussian blur takes away, averaged over the channels: [H, W].

        Raises:
            BackendError: see `best_passes`.
        """
        return best_passes().detail(self.image)

    def threshold(self, strategy: Strategy = "kmeans") -> float:
        """Find the value above which `compute_mask` masks the picture; infinite where that is flat.

        Unlike the threshold of a mask it has a meaning in other pictures too: see `mask_above`.

        Raises:
            UserError: an unknown strategy.
        """
        low, high = self.values.min(), self.values.max()
        if high - low < FLAT_RANGE:
            return float("inf")
        threshold, _ = find_threshold((self.values - low) / (high - low), strategy, best_passes())
        return float(low + np.float32(threshold) * (high - low))

    def mask_above(self, threshold: float, dilation: int) -> NDArray[np.bool_]:
        """Mask the pixels whose value is above a threshold, and grow the mask: [H, W] bool.

        A pixel of it depends on the pixels at most `mask_reach` away, and on nothing else.

        Raises:
            UserError: an even or non-positive dilation.
        """
        check_dilation(dilation)
        return best_passes().mask_above(self.values, threshold, dilation)


def mask_reach(dilation: int) -> int:
    """Return how many pixels away `Detail.mask_above` looks."""
    return len(GAUSSIAN_TAPS) - 1 + dilation // 2
