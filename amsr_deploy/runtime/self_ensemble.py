"""The mean of the results for a picture turned and mirrored: eight times the work, better pictures.

Geometric self-ensemble (Lim et al., "Enhanced deep residual networks for single image super-resolution", 2017,
Section 4.3).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from amsr_deploy.memory import check_memory
from amsr_deploy.runtime.tiles import Element
from amsr_deploy.runtime.upscaling import OnTile, Upscaling

VIEWS = 8
"""Ways in which a square can be turned and mirrored."""

Start = Callable[[NDArray[np.float32], NDArray[np.bool_] | None, OnTile], Upscaling]
"""Decides what runs on one view of a picture; see `Upscaler.start`."""


@dataclass(frozen=True, kw_only=True)
class SelfEnsemble(Upscaling):
    """An upscaling that gives the mean of those of all views of the picture, with its mask.

    Attributes:
        start: makes the upscaling of a view.
    """

    start: Start

    @property
    def cost_share(self) -> float:
        """Multiply-accumulates as a share of those of the dense network, which runs once."""
        return VIEWS * super().cost_share

    def run(self, dtype: np.dtype[Element]) -> NDArray[Element]:
        """Return the whole result [sH, sW, 3]; see `strips`.

        Raises:
            ImageError: the memory is too small for a sum and a result in float32.
        """
        height, width = self.size
        check_memory(
            2 * 3 * 4 * height * width, f"the mean of results of {width}x{height} pixels", "leave out `self_ensemble`"
        )
        total = np.zeros((height, width, 3), np.float32)
        for number in range(VIEWS):
            total += unview(self._start_view(number).run(total.dtype), number)
        if dtype.kind == "u":
            total *= np.float32(np.iinfo(dtype.name).max) / VIEWS
            return np.rint(total, out=total).astype(dtype)
        total /= VIEWS
        return total.astype(dtype, copy=False)

    def strips(self, dtype: np.dtype[Element]) -> Iterator[NDArray[Element]]:
        """Yield the whole result as one strip; see `Upscaling.strips`."""
        yield self.run(dtype)

    def _start_view(self, number: int) -> Upscaling:
        def on_tile(done: int, total: int) -> None:
            self.on_tile(number * total + done, VIEWS * total)

        mask = None if self.mask is None else view(self.mask.pixels, number)
        return self.start(view(self.image, number), mask, on_tile)


def view(picture: NDArray[Element], number: int) -> NDArray[Element]:
    """Turn a picture [H, W, ...] by quarters and, from the fifth view on, mirror it; number 0 is the picture."""
    turned = np.rot90(picture, number % 4)
    return np.ascontiguousarray(turned[:, ::-1] if number >= VIEWS // 2 else turned)


def unview(picture: NDArray[Element], number: int) -> NDArray[Element]:
    """Undo `view`."""
    mirrored = picture[:, ::-1] if number >= VIEWS // 2 else picture
    return np.rot90(mirrored, -(number % 4))
