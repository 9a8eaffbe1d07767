"""A picture with its transparency on its way through a network, in strips of samples as files hold them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from amsr_deploy.image import Picture
from amsr_deploy.image import alpha as transparency
from amsr_deploy.image.samples import Samples
from amsr_deploy.runtime.upscaler import Upscaler
from amsr_deploy.runtime.upscaling import OnTile

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
        upscaler: Upscaler,
        picture: Picture,
        mask: NDArray[np.bool_] | None = None,
        on_tile: OnTile = lambda *_: None,
    ) -> None:
        """Prepare what `image.upscale` does, without the whole result in memory.

        Args:
            upscaler: a loaded model.
            picture: the small picture.
            mask: [H, W] bool, a region of interest of the caller's own; None computes one.
            on_tile: see `Upscaler.start`.

        Raises:
            UserError: a mask that does not fit.
        """
        started = time.perf_counter()
        self._upscaler, self._picture, self._mask = upscaler, picture, mask
        pixels = picture.rgb if picture.alpha is None else transparency.fill(picture.rgb, picture.alpha)
        self.colour = upscaler.start(pixels, mask, on_tile)
        self.size = self.colour.size
        self.seconds = time.perf_counter() - started

    def __iter__(self) -> Iterator[Samples]:
        """Yield strips [h, W, C] uint8 or uint16; C: grey, grey + alpha, RGB, RGB + alpha.

        Raises:
            ModelError: the network's output is not finite.
            OutOfMemoryError: even small tiles are too large for the memory.
        """
        dtype: np.dtype[Any] = np.dtype(np.uint16 if self._picture.bits == 16 else np.uint8)
        strips = self._samples(dtype)
        while True:
            started = time.perf_counter()
            strip = next(strips, None)
            self.seconds += time.perf_counter() - started
            if strip is None:
                return
            yield strip

    def _samples(self, dtype: np.dtype[Any]) -> Iterator[Samples]:
        channels = 1 if self._picture.grey else 3
        colours = (strip[..., :channels] for strip in self.colour.strips(dtype))
        if self._picture.alpha is None:
            yield from colours
            return
        white = np.float32(np.iinfo(dtype).max)
        for colour, alpha in in_step(colours, self._alpha(self._picture.alpha)):
            samples = np.rint(alpha * white).astype(dtype)
            yield np.concatenate((colour, samples[..., None]), axis=2)

    def _alpha(self, alpha: Rows) -> Iterator[Rows]:
        """Yield strips [h, W] float32 of the upscaled alpha."""
        scale = self._upscaler.metadata.scale
        low, high = transparency.neighborhood(alpha)
        if np.array_equal(low, high):
            yield from (row[None].repeat(scale, axis=1).repeat(scale, axis=0) for row in low)
            return
        grey = np.broadcast_to(alpha[..., None], (*alpha.shape, 3))
        first = 0
        for strip in self._upscaler.start(grey, self._mask).strips(np.dtype(np.float32)):
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
