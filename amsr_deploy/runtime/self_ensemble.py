"""The mean of the results for a picture turned and mirrored: eight times the work, better pictures.

Geometric self-ensemble (Lim et al., "Enhanced deep residual networks for single image super-resolution", 2017,
Section 4.3).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from amsr_deploy.image.arrays import Element, from_float
from amsr_deploy.image.orientation import INVERSE, turned
from amsr_deploy.runtime.upscaling import Prepare, Upscaling
from amsr_deploy.system.memory import check_memory

VIEWS = len(INVERSE)


@dataclass(frozen=True)
class SelfEnsemble(Upscaling):
    """An upscaling that gives the mean of those of the picture, with its mask, in all orientations.

    Attributes:
        prepare: makes the upscaling of one orientation.
    """

    prepare: Prepare

    @property
    def cost_share(self) -> float:
        """Multiply-accumulates as a share of those of the dense network, which runs once."""
        return VIEWS * super().cost_share

    def run(self, dtype: np.dtype[Element]) -> NDArray[Element]:
        """Return the whole result [sH, sW, 3]; see `strips`.

        Raises:
            ImageError: the memory is too small for the result, and a sum and another result in float32.
        """
        height, width = self.size
        check_memory(
            (4 + 4 + dtype.itemsize) * 3 * height * width,
            f"the mean of results of {width}x{height} pixels",
            "leave out `self_ensemble`",
        )
        total = np.zeros((height, width, 3), np.float32)
        for number, (orientation, back) in enumerate(INVERSE.items()):
            total += turned(self._view(number, orientation).run(total.dtype), back)
        total /= VIEWS
        return from_float(total, dtype)

    def strips(self, dtype: np.dtype[Element]) -> Iterator[NDArray[Element]]:
        """Yield the whole result as one strip; see `Upscaling.strips`."""
        yield self.run(dtype)

    def _view(self, number: int, orientation: int) -> Upscaling:
        def on_tile(done: int, total: int) -> None:
            self.on_tile(number * total + done, VIEWS * total)

        image = np.ascontiguousarray(turned(self.runner.image, orientation))
        mask = None if self.mask is None else turned(self.mask.pixels, orientation)
        return self.prepare(image, mask, on_tile)
