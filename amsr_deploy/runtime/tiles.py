"""Cutting a picture into tiles that overlap, so that memory stays within a budget."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

Size = tuple[int, int]
"""Height and width."""


@dataclass(frozen=True)
class Span:
    """A tile along one axis: what it reads [start, stop) and what of that it is responsible for [first, last)."""

    start: int
    stop: int
    first: int
    last: int

    @classmethod
    def whole(cls, length: int) -> Span:
        """The only tile along an axis."""
        return cls(0, length, 0, length)

    @property
    def read(self) -> slice:
        """What the tile reads, in the picture."""
        return slice(self.start, self.stop)

    def core(self, scale: int) -> slice:
        """What it is responsible for, in its own upscaled result."""
        return slice((self.first - self.start) * scale, (self.last - self.start) * scale)

    def placed(self, scale: int) -> slice:
        """What it is responsible for, in the upscaled picture."""
        return slice(self.first * scale, self.last * scale)


def spans(length: int, tile: int, halo: int, multiple: int = 1) -> list[Span]:
    """Cover [0, length) by as few tiles as can be, all of one size, `halo` pixels of each on both sides to overlap.

    Args:
        length: pixels along the axis, a multiple of `multiple`.
        tile: most pixels that a tile reads; enlarged where it would leave no core.
        halo: pixels of overlap on each side.
        multiple: tiles start at multiples of this, so that windows stay where they are.
    """
    halo = round_up(halo, multiple)
    tile = max(tile // multiple * multiple, 2 * halo + multiple)
    if length <= tile:
        return [Span.whole(length)]
    count = -(-(length - 2 * halo) // (tile - 2 * halo))
    tile = round_up(-(-(length - 2 * halo) // count), multiple) + 2 * halo
    starts = [*range(0, length - tile, tile - 2 * halo), length - tile]
    borders = [0, *(start + halo for start in starts[1:]), length]
    return [Span(start, start + tile, *core) for start, core in zip(starts, pairwise(borders), strict=True)]


def smallest_tile(halo: int, multiple: int = 1) -> int:
    """Side of a tile whose core is as large as the overlap on each side; smaller ones repeat most of the work."""
    return 3 * round_up(halo, multiple)


def round_up(length: int, multiple: int) -> int:
    """The next multiple."""
    return -(-length // multiple) * multiple


def side_within(budget: int, bytes_per_pixel: int) -> int:
    """Side of the largest square tile whose memory, in bytes, stays within a budget."""
    return max(math.isqrt(budget // bytes_per_pixel), 1)


def grid(height: int, width: int, tile: Size, halo: int, multiple: int = 1) -> Iterator[tuple[Span, Span]]:
    """Tiles (vertical span, horizontal span) of a picture, row by row; see `spans`."""
    for vertical in spans(height, tile[0], halo, multiple):
        for horizontal in spans(width, tile[1], halo, multiple):
            yield vertical, horizontal
