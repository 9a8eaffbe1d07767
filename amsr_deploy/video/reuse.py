"""Which tiles of a frame have to be computed: those whose input differs from what they were computed from."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from amsr_deploy.runtime.tiles import Part, Size

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
        reach: pixels around a tile that belong to its input.
    """

    def __init__(self, size: Size, side: int, reach: int) -> None:
        """Cut frames of a size into squares, smaller at the right and the bottom.

        Args:
            size: height and width.
            side: of a tile, in pixels.
            reach: pixels around a tile that belong to its input.
        """
        self._size, self._side, self.reach = size, side, reach
        self.shape = tuple(-(-length // side) for length in size)
        self._starts, self._stops = zip(*map(self._inputs_along, size), strict=True)

    def _inputs_along(self, length: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return where the inputs of the tiles along an axis start and stop."""
        first = np.arange(0, length, self._side)
        return np.maximum(first - self.reach, 0), np.minimum(first + self._side + self.reach, length)

    def holding(self, pixels: NDArray[np.bool_]) -> Flags:
        """Find the tiles in whose input at least one of some pixels [H, W] is set."""
        counts = np.zeros((self._size[0] + 1, self._size[1] + 1), np.int32)
        np.cumsum(pixels, axis=0, out=counts[1:, 1:])
        np.cumsum(counts, axis=1, out=counts)
        rows = counts[self._stops[0]] - counts[self._starts[0]]
        return np.asarray(rows[:, self._stops[1]] > rows[:, self._starts[1]])

    def input_of(self, place: tuple[int, ...]) -> Part:
        """Return the pixels on which a tile depends."""
        rows, columns = (
            slice(starts[number], stops[number])
            for number, starts, stops in zip(place, self._starts, self._stops, strict=True)
        )
        return rows, columns

    def core(self, tiles: Rectangle) -> Part:
        """Return the pixels of a rectangle of tiles."""
        firsts, ends = (tiles.top, tiles.left), (tiles.bottom, tiles.right)
        rows, columns = (
            slice(first * self._side, min((end + 1) * self._side, length))
            for first, end, length in zip(firsts, ends, self._size, strict=True)
        )
        return rows, columns


class KeptInputs:
    """What each tile was computed from."""

    def __init__(self, tiles: Tiles) -> None:
        self._tiles = tiles
        self._kept: dict[tuple[int, ...], NDArray[np.generic]] = {}

    def differ(self, frame: NDArray[np.generic], among: Flags, tolerance: float) -> Flags:
        """Find those among some tiles that were never computed, or whose input changed since.

        Args:
            frame: [H, W, 3] uint8, uint16 or float.
            among: the tiles to look at.
            tolerance: largest difference of a value, in units of the frame's type, that is no change.
        """
        flags = np.zeros_like(among)
        for place in places(among):
            flags[place] = _differs(frame[self._tiles.input_of(place)], self._kept.get(place), tolerance)
        return flags

    def keep(self, frame: NDArray[np.generic], computed: Flags) -> None:
        """Remember the input of the tiles that are computed from a frame."""
        for place in places(computed):
            view, kept = frame[self._tiles.input_of(place)], self._kept.get(place)
            if kept is None:
                self._kept[place] = view.copy()
            else:
                kept[...] = view


def places(flags: Flags) -> Iterator[tuple[int, int]]:
    """Yield row and column of the tiles that are set."""
    yield from zip(*(axis.tolist() for axis in np.nonzero(flags)), strict=True)


def _differs(view: NDArray[np.generic], kept: NDArray[np.generic] | None, tolerance: float) -> bool:
    return kept is None or not bool((np.maximum(view, kept) - np.minimum(view, kept) <= tolerance).all())


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
    return [Rectangle(y, x, y, x) for y, x in places(flags)]
