"""Cutting a picture into tiles that overlap, so that memory stays within a budget."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from amsr_deploy.image.arrays import Element

Size = tuple[int, int]
"""Height and width."""

EDGE = 4
"""LR pixels by which pictures are reflected on all sides: networks see black outside, which tints their borders."""


@dataclass(frozen=True)
class Span:
    """A tile along one axis: what it reads [start, stop) and what of that it is responsible for [first, last)."""

    start: int
    stop: int
    first: int
    last: int

    @classmethod
    def whole(cls, length: int) -> Span:
        """Make the only tile along an axis."""
        return cls(0, length, 0, length)

    @property
    def read(self) -> slice:
        """What the tile reads, in the picture."""
        return slice(self.start, self.stop)

    def core(self, scale: int) -> slice:
        """Tell what it is responsible for, in its own upscaled result."""
        return slice((self.first - self.start) * scale, (self.last - self.start) * scale)


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
    """Return the side of a tile whose core is as large as each overlap; smaller ones repeat most of the work."""
    return 3 * round_up(halo, multiple)


def round_up(length: int, multiple: int) -> int:
    """Round up to the next multiple."""
    return -(-length // multiple) * multiple


def side_within(budget: int, bytes_per_pixel: int) -> int:
    """Compute the side of the largest square tile whose memory, in bytes, stays within a budget."""
    return max(math.isqrt(budget // bytes_per_pixel), 1)


def edge_for(multiple: int) -> int:
    """Return by how many LR pixels pictures are reflected on all sides for a network of a size multiple."""
    return max(EDGE, multiple)


def padded_length(length: int, edge: int, multiple: int) -> int:
    """Return the length of an axis with an edge on both sides, rounded up to a multiple at its end."""
    return round_up(length + 2 * edge, multiple)


def pad(array: NDArray[Element], edge: int, multiple: int) -> NDArray[Element]:
    """Reflect [H, W, ...] by an edge on all sides, and further at the bottom and right to a multiple."""
    beyond = [(edge, padded_length(side, edge, multiple) - side - edge) for side in array.shape[:2]]
    return np.pad(array, beyond + [(0, 0)] * (array.ndim - 2), mode="reflect")


def read_tile(image: NDArray[Element], rows: Span, columns: Span, edge: int) -> NDArray[Element]:
    """Cut a tile out of a picture that is reflected beyond its borders.

    Args:
        image: [H, W, ...]
        rows: of the tile; row 0 lies `edge` pixels above the picture.
        columns: likewise.
        edge: pixels by which the picture is reflected above and on the left.
    """
    height, width = image.shape[:2]
    inside = (
        edge <= rows.start and rows.stop - edge <= height and edge <= columns.start and columns.stop - edge <= width
    )
    if inside:
        return image[rows.start - edge : rows.stop - edge, columns.start - edge : columns.stop - edge]
    down, across = _reflected(rows, height, edge), _reflected(columns, width, edge)
    top, left = down.min(), across.min()
    part = image[top : down.max() + 1, left : across.max() + 1]
    return part.take(down - top, axis=0).take(across - left, axis=1)


def _reflected(span: Span, length: int, edge: int) -> NDArray[np.int64]:
    """Return which pixels of an axis a tile reads, where the axis is reflected at both ends."""
    period = max(2 * (length - 1), 1)
    position = np.arange(span.start - edge, span.stop - edge) % period
    return np.minimum(position, period - position) if length > 1 else np.zeros_like(position)
