"""Rectangles of tiles that go to the network at once."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

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


def join(flags: Flags, side: int, halo: int) -> list[Rectangle]:
    """Join tiles that are set to rectangles and, where that costs less than another call, some that are not.

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
    """Count the pixels that the network reads for rectangles [..., top, left, bottom, right], and what a call costs."""
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
