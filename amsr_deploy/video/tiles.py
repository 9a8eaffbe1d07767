"""The tiles of a frame: what each reads, and what it makes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from amsr_deploy.runtime.tiles import Size
from amsr_deploy.video.parts import Part
from amsr_deploy.video.rectangles import Flags, Rectangle


class Tiles:
    """The tiles of frames of one size.

    Attributes:
        shape: rows and columns of tiles.
    """

    def __init__(self, size: Size, side: int, reach: int) -> None:
        """Cut frames of a size into squares, smaller at the right and the bottom.

        Args:
            size: height and width.
            side: of a tile, in pixels.
            reach: pixels around a tile that belong to its input.
        """
        self._size, self._side, self._reach = size, side, reach
        self.shape = tuple(-(-length // side) for length in size)
        self._seen = self._inputs_along(size[0]), self._inputs_along(size[1])

    def _inputs_along(self, length: int) -> list[slice]:
        """Return what the tiles along an axis read."""
        side, reach = self._side, self._reach
        return [slice(max(first - reach, 0), min(first + side + reach, length)) for first in range(0, length, side)]

    def holding(self, pixels: NDArray[np.bool_]) -> Flags:
        """Find the tiles in whose input at least one of some pixels [H, W] is set."""
        rows, columns = self._seen
        along = np.stack([pixels[seen].any(axis=0) for seen in rows])
        return np.stack([along[:, seen].any(axis=1) for seen in columns], axis=1)

    def inputs_of(self, frame: NDArray[Any]) -> NDArray[Any]:
        """Show what each tile reads of a frame [H, W, C], whose borders are repeated.

        Returns:
            [rows of tiles, columns of tiles, side + 2 reach, C (side + 2 reach)], a view.
        """
        side, reach, channels = self._side, self._reach, frame.shape[2]
        ends = (count * side - length + reach for count, length in zip(self.shape, self._size, strict=True))
        padded = np.pad(frame, (*((reach, end) for end in ends), (0, 0)), mode="edge")
        seen = side + 2 * reach
        lines = padded.reshape(len(padded), -1)
        return sliding_window_view(lines, (seen, channels * seen))[::side, :: channels * side]

    def core(self, tiles: Rectangle) -> Part:
        """Return the pixels of a rectangle of tiles."""
        firsts, ends = (tiles.top, tiles.left), (tiles.bottom, tiles.right)
        rows, columns = (
            slice(first * self._side, min((end + 1) * self._side, length))
            for first, end, length in zip(firsts, ends, self._size, strict=True)
        )
        return rows, columns
