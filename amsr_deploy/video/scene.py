"""Where the network works in the frames of a scene."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from amsr_deploy.errors import UserError
from amsr_deploy.image.arrays import is_grey
from amsr_deploy.mask.detail import Detail
from amsr_deploy.runtime.budget import mask_within
from amsr_deploy.runtime.upscaler import Upscaler
from amsr_deploy.video.rectangles import Flags

RENEWED_SHARE = 0.6
"""Share of changed tiles from which the others are computed, too, where another threshold fits better."""
DRIFT = 1.1
"""By how many times the threshold of a frame that is mostly new may be larger or smaller than that of its scene."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Scene:
    """What is decided for the frames from one cut to the next, and again where it no longer fits.

    Attributes:
        threshold: the detail above which pixels are masked.
        dilation: side of the square that grows the mask.
        grey: whether the results get no colour, as its frames have none.
    """

    threshold: float
    dilation: int
    grey: bool

    @property
    def is_flat(self) -> bool:
        """Whether it was decided by a flat picture, which tells nothing about those that follow."""
        return self.threshold == math.inf

    def fits(self, picture: NDArray[np.float32]) -> bool:
        """Tell whether what was decided can hold for a changed picture, too."""
        return not self.is_flat and (not self.grey or is_grey(picture))

    def is_near(self, threshold: float) -> bool:
        """Tell whether the threshold of a later picture is so near that this one can stay; a flat one has none."""
        return threshold == math.inf or self.threshold / DRIFT <= threshold <= self.threshold * DRIFT


UNDECIDED = Scene(math.inf, dilation=1, grey=False)


class SceneMasks:
    """Decides what holds for a scene, and masks its frames by that."""

    def __init__(self, upscaler: Upscaler, region: NDArray[np.bool_] | None, budget: float | None) -> None:
        """Follow a region or a budget, or neither.

        Args:
            upscaler: a loaded model.
            region: [H, W], a mask of all frames.
            budget: most multiply-accumulates of the frame that decides, as a share of the dense network's.

        Raises:
            UserError: the model works everywhere.
        """
        if (region is not None or budget is not None) and not upscaler.is_masked:
            raise UserError(f"{upscaler.model} works everywhere: it cannot follow a mask or a budget")
        self._upscaler, self._budget = upscaler, budget
        self._region = None if region is None else region.copy()
        self._is_over_budget = False

    @property
    def region(self) -> NDArray[np.bool_] | None:
        """The mask of all frames, where there is one."""
        return self._region

    @property
    def _are_found(self) -> bool:
        return self._upscaler.is_masked and self._region is None

    def mask(self, detail: Detail, scene: Scene) -> NDArray[np.bool_] | None:
        """Find where the network works in a frame of a scene, by its detail; None is everywhere."""
        return detail.mask_above(scene.threshold, scene.dilation) if self._are_found else self._region

    def are_outdated(self, detail: Detail, scene: Scene, changed: Flags) -> bool:
        """Tell whether a frame, some tiles of which changed, asks for something else than what was decided."""
        if not changed.any():
            return False
        if not scene.fits(detail.image):
            return True
        is_mostly_new = bool(changed.mean() >= RENEWED_SHARE)
        return self._are_found and is_mostly_new and not scene.is_near(self._threshold(detail))

    def _threshold(self, detail: Detail) -> float:
        return detail.threshold(self._upscaler.masking.strategy)

    def decide(self, detail: Detail, before: Scene) -> Scene:
        """Decide what holds from a picture on, by its detail, after something else did."""
        threshold = self._threshold(detail) if self._are_found else 0
        dilation = self._upscaler.dilation
        if self._budget is not None:
            dilation = self._dilation_within(self._budget, detail, threshold)
            if before.is_flat or dilation != before.dilation:
                _log.info("the budget pays for dilation %d from now on", dilation)
        return Scene(threshold, dilation, is_grey(detail.image))

    def _dilation_within(self, budget: float, detail: Detail, threshold: float) -> int:
        """Find the largest dilation that a budget pays for in a picture, or 1."""
        mask, dilation = mask_within(self._upscaler.masking, detail.mask_above(threshold, dilation=1), budget)
        if self._upscaler.cost_share(mask) > budget and not self._is_over_budget:
            self._is_over_budget = True
            _log.warning("there are scenes where even dilation 1 costs more than the `budget`")
        return dilation
