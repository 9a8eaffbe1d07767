"""A picture with its transparency on its way through a network, in strips of samples as files hold them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from amsr_deploy.image import Picture
from amsr_deploy.image import alpha as transparency
from amsr_deploy.image.arrays import from_float
from amsr_deploy.image.samples import Samples
from amsr_deploy.runtime.upscaling import OnTile, Start

Rows = NDArray[np.float32]


class PictureStrips:
    """The upscaled picture from top to bottom.

    Attributes:
        colour: how the colours are upscaled; see `Upscaling`.
        size: height and width of the result.
        seconds: wall time of mask and network so far.
    """

    def __init__(
        self,
        start: Start,
        picture: Picture,
        mask: NDArray[np.bool_] | None = None,
        on_tile: OnTile = lambda *_: None,
    ) -> None:
        """Prepare what `image.upscale` does, without the whole result in memory.

        Args:
            start: of a loaded model.
            picture: the small picture.
            mask: [H, W] bool, a region of interest of the caller's own; None computes one.
            on_tile: see `Upscaler.start`; counts the tiles of the colours, and those of alpha.

        Raises:
            UserError: a mask that does not fit.
        """
        started = time.perf_counter()
        self._start, self._picture, self._mask, self._on_tile = start, picture, mask, on_tile
        self.colour = start(picture.visible, mask, on_tile)
        self.size = self.colour.size
        self.seconds = time.perf_counter() - started

    def samples(self, channels: int, bits: int) -> Iterator[Samples]:
        """Yield strips [h, W, C] uint8 or uint16.

        Args:
            channels: C, 1 (grey), 2 (grey, alpha), 3 (RGB) or 4 (RGB, alpha).
            bits: of a sample, 8 or 16.

        Raises:
            ModelError: the network's output is not finite.
            OutOfMemoryError: even small tiles are too large for the memory.
        """
        strips = self._samples(channels, np.dtype(np.uint16 if bits == 16 else np.uint8))
        while True:
            started = time.perf_counter()
            strip = next(strips, None)
            self.seconds += time.perf_counter() - started
            if strip is None:
                return
            yield strip

    def _samples(self, channels: int, dtype: np.dtype[Any]) -> Iterator[Samples]:
        colours = (strip[..., : 1 if channels <= 2 else 3] for strip in self.colour.strips(dtype))
        if self._picture.alpha is None or channels in (1, 3):
            yield from colours
            return
        for colour, alpha in in_step(colours, self._alpha(self._picture.alpha)):
            yield np.concatenate((colour, from_float(alpha, dtype)[..., None]), axis=2)

    def _alpha(self, alpha: Rows) -> Iterator[Rows]:
        """Yield strips [h, W] float32 of the upscaled alpha."""
        scale = self.size[0] // self._picture.size[0]
        low, high = transparency.neighborhood(alpha)
        if np.array_equal(low, high):
            yield from (row[None].repeat(scale, axis=1).repeat(scale, axis=0) for row in low)
            return
        grey = np.broadcast_to(alpha[..., None], (*alpha.shape, 3))
        first = 0
        for strip in self._start(grey, self._mask, self._on_tile).strips(np.dtype(np.float32)):
            rows = slice(first, first + len(strip) // scale)
            limits = (plane[rows].repeat(scale, axis=0).repeat(scale, axis=1) for plane in (low, high))
            yield np.clip(strip[..., 0], *limits)
            first = rows.stop


def in_step(first: Iterator[Samples], second: Iterator[Rows]) -> Iterator[tuple[Samples, Rows]]:
    """Yield strips of two pictures of one height, cut so that both of a pair hold the same rows."""
    left: Samples | None = None
    right: Rows | None = None
    while True:
        left = next(first, None) if left is None else left
        right = next(second, None) if right is None else right
        if left is None or right is None:
            return
        count = min(len(left), len(right))
        yield left[:count], right[:count]
        left = left[count:] if len(left) > count else None
        right = right[count:] if len(right) > count else None
