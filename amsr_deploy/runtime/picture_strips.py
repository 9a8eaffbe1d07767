"""A picture with its transparency on its way through a network, in strips of samples as files hold them, or whole."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from amsr_deploy.image import Picture
from amsr_deploy.image import alpha as transparency
from amsr_deploy.image.arrays import Element, from_float
from amsr_deploy.image.samples import Samples, sample_type, stored_colours
from amsr_deploy.runtime.upscaling import OnTile, Prepare

Rows = NDArray[np.float32]


class PictureStrips:
    """The upscaled picture from top to bottom.

    Transparent pixels first take the colour of the visible ones nearby, so that the colour hidden under them leaves no
    fringe; colour stays unpremultiplied, because dividing a network's output by a small alpha would magnify its error.
    Alpha goes through the network too, with a mask of its own, so that cut-out edges are as sharp as the others: they
    need not be edges of the colours.

    Attributes:
        colour: how the colours are upscaled; see `Upscaling`.
        size: height and width of the result.
        seconds: wall time of mask and network so far.
    """

    def __init__(
        self,
        prepare: Prepare,
        picture: Picture,
        mask: NDArray[np.bool_] | None = None,
        on_tile: OnTile = lambda *_: None,
    ) -> None:
        """Decide what runs on a picture.

        Args:
            prepare: of a loaded model.
            picture: the small picture.
            mask: [H, W] bool, a region of interest of the caller's own in the colours; None computes one.
            on_tile: see `Upscaler.prepare`; counts the tiles of the colours, and those of alpha.

        Raises:
            UserError: a mask that does not fit.
        """
        self._prepare, self._picture, self._on_tile = prepare, picture, on_tile
        self.seconds = 0.0
        with self._clock():
            self.colour = prepare(picture.visible, mask, on_tile)
        self.size = self.colour.size

    def samples(self, channels: int, bits: int) -> Iterator[Samples]:
        """Yield strips [h, W, C] uint8 or uint16.

        Args:
            channels: C, 1 (grey), 2 (grey, alpha), 3 (RGB) or 4 (RGB, alpha).
            bits: of a sample, 8 or 16.

        Raises:
            ModelError: the network's output is not finite.
            OutOfMemoryError: even small tiles are too large for the memory.
        """
        strips = self._samples(channels, sample_type(bits))
        while True:
            with self._clock():
                strip = next(strips, None)
            if strip is None:
                return
            yield strip

    def whole(self, reduce: Callable[[Rows], Rows] = lambda pixels: pixels) -> Picture:
        """Return the whole picture in memory.

        Args:
            reduce: makes pixels [H, W, C] float32 fewer; they may lie beyond [0, 1] then.

        Raises:
            ModelError, OutOfMemoryError: see `samples`.
        """
        picture = self._picture
        with self._clock():
            rgb = self.colour.run(np.dtype(np.float32))
        rgb = reduce(rgb)
        np.clip(rgb, 0, 1, out=rgb)
        size, alpha = (rgb.shape[0], rgb.shape[1]), None
        if picture.alpha is not None:
            with self._clock():
                plane = np.concatenate(list(self._alpha(picture.alpha, rgb.dtype)))
            alpha = np.clip(reduce(plane[..., None])[..., 0], *transparency.limits(picture.alpha, size))
        return replace(picture, rgb=rgb, alpha=alpha, metadata=picture.metadata.scaled(picture.size, size))

    @contextmanager
    def _clock(self) -> Iterator[None]:
        """Add what the block takes to the seconds."""
        started = time.perf_counter()
        yield
        self.seconds += time.perf_counter() - started

    def _samples(self, channels: int, dtype: np.dtype[Any]) -> Iterator[Samples]:
        colours = (stored_colours(strip, channels) for strip in self.colour.strips(dtype))
        if self._picture.alpha is None or channels in (1, 3):
            yield from colours
            return
        for colour, alpha in in_step(colours, self._alpha(self._picture.alpha, dtype)):
            yield np.concatenate((colour, alpha[..., None]), axis=2)

    def _alpha(self, alpha: Rows, dtype: np.dtype[Element]) -> Iterator[NDArray[Element]]:
        """Yield strips [h, W] of the upscaled alpha."""
        scale = self.size[0] // self._picture.size[0]
        low, high = transparency.neighborhood(alpha)
        if np.array_equal(low, high):
            yield from (row[None].repeat(scale, axis=1).repeat(scale, axis=0) for row in from_float(low, dtype))
            return
        grey = np.broadcast_to(alpha[..., None], (*alpha.shape, 3))
        first = 0
        for strip in self._prepare(grey, None, self._on_tile).strips(np.dtype(np.float32)):
            rows = slice(first, first + len(strip) // scale)
            limits = (plane[rows].repeat(scale, axis=0).repeat(scale, axis=1) for plane in (low, high))
            yield from_float(np.clip(strip[..., 0], *limits), dtype)
            first = rows.stop


def in_step(
    first: Iterator[NDArray[Any]], second: Iterator[NDArray[Any]]
) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    """Yield strips of two pictures of one height, cut so that both of a pair hold the same rows."""
    left: NDArray[Any] | None = None
    right: NDArray[Any] | None = None
    while True:
        left = next(first, None) if left is None else left
        right = next(second, None) if right is None else right
        if left is None or right is None:
            return
        count = min(len(left), len(right))
        yield left[:count], right[:count]
        left = left[count:] if len(left) > count else None
        right = right[count:] if len(right) > count else None
