"""Which tiles of a frame have to be computed: those whose input differs from what they were computed from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from amsr_deploy.runtime.tiles import Part, Size

Flags = NDArray[np.bool_]
"""One for each tile: [rows of tiles, columns of tiles]."""

CALL_PIXELS = 1000
"""What a call of the network costs beside its pixels, in pixels: a fraction of a millisecond."""


class Tiles:
    """The tiles of frames of one size, with what each was computed from.

    Attributes:
        shape: rows and columns of tiles.
    """

    def __init__(self, size: Size, side: int, reach: int) -> None:
        """Cut frames of a size into squares, smaller at the right and the bottom.

        Args:
            size: height and width.
            side: of a tile, in pixels.
            reach: pixels around a tile on which its result depends.
        """
        self._size, self._side = size, side
        self.shape = tuple(-(-length // side) for length in size)
        self._seen = {place: self._widened(self.core(place), reach) for place in np.ndindex(*self.shape)}
        self._inputs: dict[tuple[int, ...], NDArray[np.generic]] = {}

    def changed(self, frame: NDArray[np.generic], tolerance: float) -> Flags:
        """Tiles whose input [H, W, 3] uint8, uint16 or float differs by more from what was kept, or was never kept.

        Args:
            frame: the frame.
            tolerance: largest difference of a value, in units of the frame's type.
        """
        flags = [_differs(frame[seen], self._inputs.get(place), tolerance) for place, seen in self._seen.items()]
        return np.array(flags, np.bool_).reshape(self.shape)

    def keep(self, frame: NDArray[np.generic], computed: Flags) -> None:
        """Remember the input of the tiles that are computed from a frame."""
        for place in zip(*np.nonzero(computed), strict=True):
            view, kept = frame[self._seen[place]], self._inputs.get(place)
            if kept is None:
                self._inputs[place] = view.copy()
            else:
                kept[...] = view

    def all(self, pixels: NDArray[np.bool_], wanted: Flags) -> Iterator[Part]:
        """Yield the pixels of those of some tiles all of whose input is true in [H, W]."""
        for place in zip(*np.nonzero(wanted), strict=True):
            if pixels[self._seen[place]].all():
                yield self.core(place)

    def core(self, place: tuple[int, ...], last: tuple[int, ...] | None = None) -> Part:
        """Return the pixels of a tile, or of a rectangle of tiles from that one to a last one."""
        rows, columns = (
            slice(first * self._side, min((end + 1) * self._side, length))
            for first, end, length in zip(place, last or place, self._size, strict=True)
        )
        return rows, columns

    @staticmethod
    def _widened(part: Part, reach: int) -> Part:
        rows, columns = (slice(max(axis.start - reach, 0), axis.stop + reach) for axis in part)
        return rows, columns


def _differs(view: NDArray[np.generic], kept: NDArray[np.generic] | None, tolerance: float) -> bool:
    if kept is None:
        return True
    if tolerance == 0:
        return not np.array_equal(view, kept)
    return not bool((np.maximum(view, kept) - np.minimum(view, kept) <= tolerance).all())


class Rectangle(NamedTuple):
    """Rows and columns of tiles, ends included."""

    top: int
    left: int
    bottom: int
    right: int


def join(flags: Flags, side: int, halo: int) -> list[Rectangle]:
    """Rectangles that hold all tiles that are set and, where that costs less than another call, some that are not.

    Args:
        flags: the tiles.
        side: of a tile, in pixels.
        halo: pixels that the network reads around a rectangle.
    """
    runs = list(_runs(flags))
    joined, count = np.empty((len(runs), 4), np.int64), 0
    for run in runs:
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


def _runs(flags: Flags) -> Iterator[Rectangle]:
    """Find the runs of set tiles in each row."""
    for y, row in enumerate(flags):
        edges = np.flatnonzero(np.diff(row, prepend=False, append=False)).tolist()
        for first, end in zip(edges[::2], edges[1::2], strict=True):
            yield Rectangle(y, first, y, end - 1)


def single(flags: Flags) -> list[Rectangle]:
    """Make a rectangle for each tile that is set."""
    return [Rectangle(y, x, y, x) for y, x in np.argwhere(flags).tolist()]
