"""Which tiles of a frame have to be computed: those whose input differs from what they were computed from."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from amsr_deploy.runtime.selection import MaskedNetwork
from amsr_deploy.runtime.tiles import Size, edge_for
from amsr_deploy.video.parts import Part

Flags = NDArray[np.bool_]
"""One for each tile: [rows of tiles, columns of tiles]."""

CALL_PIXELS = 1000
"""What a call of the network costs beside its pixels, in pixels: a fraction of a millisecond."""


class Rectangle(NamedTuple):
    """Rows and columns of tiles, ends included."""

    top: int
    left: int
    bottom: int
    right: int


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


class KeptInputs:
    """What each tile was computed from, with a tolerance."""

    def __init__(self, tiles: Tiles, tolerance: float) -> None:
        """Begin with nothing.

        Args:
            tiles: the tiles.
            tolerance: largest difference of a value that is no change, in units of the frames' type.
        """
        self._tiles, self._tolerance = tiles, tolerance
        self._kept: NDArray[Any] | None = None

    def differ(self, frame: NDArray[Any], among: Flags) -> Flags:
        """Find those among some tiles whose input changed since they were computed; before that, all of them.

        Args:
            frame: [H, W, 3] uint8, uint16 or float.
            among: the tiles to look at.
        """
        if self._kept is None:
            return among
        differ, inputs = np.zeros_like(among), self._tiles.inputs_of(frame)
        for row, columns in rows(among):
            now, before = inputs[row, columns], self._kept[row, columns]
            largest = (np.maximum(now, before) - np.minimum(now, before)).max(axis=(1, 2))
            differ[row, columns] = largest > self._tolerance
        return differ

    def keep(self, frame: NDArray[Any], computed: Flags) -> None:
        """Remember the input of the tiles that are computed from a frame, which at first are all."""
        inputs = self._tiles.inputs_of(frame)
        if self._kept is None:
            self._kept = inputs.copy()
            return
        for row, columns in rows(computed):
            self._kept[row, columns] = inputs[row, columns]


def rows(flags: Flags) -> Iterator[tuple[int, NDArray[np.intp]]]:
    """Yield the rows that hold tiles that are set, and their columns: one row at a time takes little memory."""
    for row in np.flatnonzero(flags.any(axis=1)).tolist():
        yield row, np.flatnonzero(flags[row])


def join(flags: Flags, side: int, halo: int) -> list[Rectangle]:
    """Rectangles that hold all tiles that are set and, where that costs less than another call, some that are not.

    Args:
        flags: the tiles.
        side: of a tile, in pixels.
        halo: pixels that the network reads around a rectangle.
    """
    found = list(runs(flags))
    joined, count = np.empty((len(found), 4), np.int64), 0
    for run in found:
        grown = np.array(run)
        while count:
            others = joined[:count]
            both = np.hstack([np.minimum(others[:, :2], grown[:2]), np.maximum(others[:, 2:], grown[2:])])
            saves = cost(both, side, halo) <= cost(others, side, halo) + cost(grown, side, halo)
            partner = int(saves.argmax())
            if not saves[partner]:
                break
            grown, count = both[partner], count - 1
            joined[partner:count] = joined[partner + 1 : count + 1]
        joined[count], count = grown, count + 1
    return [Rectangle(*rectangle) for rectangle in joined[:count].tolist()]


def cost(rectangles: NDArray[np.int64], side: int, halo: int) -> NDArray[np.int64]:
    """Pixels that the network reads for rectangles [..., top, left, bottom, right], and what a call costs."""
    lengths = (rectangles[..., 2:] - rectangles[..., :2] + 1) * side + 2 * halo
    return np.asarray(lengths.prod(axis=-1) + CALL_PIXELS)


def runs(flags: Flags) -> Iterator[Rectangle]:
    """Yield the runs of set tiles in each row; equal rows below each other share theirs."""
    tops = [0, *(np.flatnonzero((flags[1:] != flags[:-1]).any(axis=1)) + 1).tolist(), len(flags)]
    for top, stop in pairwise(tops):
        edges = np.flatnonzero(np.diff(flags[top], prepend=False, append=False)).tolist()
        for first, end in zip(edges[::2], edges[1::2], strict=True):
            yield Rectangle(top, first, stop - 1, end - 1)


def single(flags: Flags) -> list[Rectangle]:
    """Make a rectangle for each tile that is set."""
    return [Rectangle(y, x, y, x) for y, x in np.argwhere(flags).tolist()]


def selection_changes(mask: NDArray[np.bool_], other: NDArray[np.bool_], network: MaskedNetwork) -> NDArray[np.bool_]:
    """Find the pixels [H, W] where a network may select differently by one mask of a picture and by another.

    Windows that are shifted over an end of the picture hold pixels of both ends.
    """
    changes = mask != other
    if network.body == "windows":
        ends = edge_for(network.size_multiple) + network.size_multiple  # how far inside windows over padding reach
        for lines in (changes, changes.T):
            either = lines[:ends].any(axis=0) | lines[-ends:].any(axis=0)
            lines[:ends] |= either
            lines[-ends:] |= either
    return changes
