"""One picture on its way through a network: tile by tile, strip by strip, in the type of the output."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from amsr_deploy.errors import ModelError, first_line
from amsr_deploy.image.arrays import Element
from amsr_deploy.image.interleave import interleave
from amsr_deploy.mask import Mask
from amsr_deploy.metadata import Metadata
from amsr_deploy.runtime import tiles
from amsr_deploy.runtime.backends.base import Backend, OutOfMemoryError
from amsr_deploy.runtime.selection import Selection
from amsr_deploy.runtime.tiles import Span

OnTile = Callable[[int, int], object]
"""Is called with the number of tiles that are done, and of all."""
Start = Callable[[NDArray[np.float32], NDArray[np.bool_] | None, OnTile], "Upscaling"]
"""Decides what runs on a picture; see `Upscaler.start`."""

_log = logging.getLogger(__name__)


class TileLimit:
    """Most LR pixels in height and width that are upscaled at once, of all pictures and threads of an upscaler.

    It shrinks where memory runs out.
    """

    def __init__(self, size: tiles.Size) -> None:
        self.size = size
        self._lock = threading.Lock()

    def within(self, size: tiles.Size, edge: int, multiple: int) -> tiles.Size:
        """Return the limit for a picture of a size that is reflected by an edge, and at the end up to a multiple."""
        longest = tiles.padded_length(max(size), edge, multiple)
        return min(self.size[0], longest), min(self.size[1], longest)

    def shrink(self, failed: tiles.Size, error: OutOfMemoryError, metadata: Metadata) -> None:
        """Halve the limit after a failure, unless it is smaller by now, and say so.

        Args:
            failed: the limit that was kept to.
            error: the failure.
            metadata: of the model.

        Raises:
            OutOfMemoryError: there are no smaller tiles.
        """
        smallest = tiles.smallest_tile(metadata.halo, metadata.size_multiple)
        height, width = (max(side // 2, min(side, smallest)) for side in failed)
        if (height, width) == failed:
            raise OutOfMemoryError(
                f"out of memory with tiles of {height}x{width} pixels, the smallest; free memory, or use a smaller "
                f"backbone ({first_line(error)})"
            ) from error
        with self._lock:
            if self.size[0] < failed[0] or self.size[1] < failed[1]:
                return
            self.size = (height, width)
        _log.warning("out of memory; trying again with tiles of %dx%d pixels", height, width)


def not_finite() -> ModelError:
    """Make the error for outputs that hold NaN or infinities."""
    return ModelError("the network's output is not finite; float16 can overflow: use the float32 model")


@dataclass(frozen=True)
class Upscaling:
    """What is going to run on a picture, and the result in strips.

    Attributes:
        image: [H, W, 3] float32 in [0, 1].
        backend: runs the network.
        selection: what of the padded picture the network computes.
        mask: where the network works; None if it is dense.
        density: share of the body that is computed, in [0, 1].
        dense_reason: why the dense twin runs in place of a masked model; None where it does not.
        edge: LR pixels by which the picture is reflected on all sides.
        limit: size of the tiles.
        on_tile: is called after each tile.
    """

    image: NDArray[np.float32]
    backend: Backend
    selection: Selection
    mask: Mask | None
    density: float
    dense_reason: str | None
    edge: int
    limit: TileLimit
    on_tile: OnTile = lambda *_: None

    @property
    def size(self) -> tiles.Size:
        """Height and width of the result."""
        height, width = self.image.shape[:2]
        return height * self.backend.metadata.scale, width * self.backend.metadata.scale

    @property
    def cost_share(self) -> float:
        """Multiply-accumulates as a share of the dense network's."""
        return self.backend.metadata.cost.share(self.density)

    def run(self, dtype: np.dtype[Element]) -> NDArray[Element]:
        """Return the whole result [sH, sW, 3]; see `strips`."""
        result = np.empty((*self.size, 3), dtype=dtype)
        for _ in self._strips(result, result.dtype):
            pass
        return result

    def strips(self, dtype: np.dtype[Element]) -> Iterator[NDArray[Element]]:
        """Yield the result from top to bottom in strips [h, sW, 3], each a row of tiles.

        A picture without colour gets none: networks let a little into edges.

        Args:
            dtype: uint8 or uint16, where white is the largest value, or float32 in [0, 1].

        Raises:
            ModelError: the network's output is not finite.
            OutOfMemoryError: even small tiles are too large for the memory.
        """
        return self._strips(None, dtype)

    def _strips(self, result: NDArray[Element] | None, dtype: np.dtype[Element]) -> Iterator[NDArray[Element]]:
        """Yield strips that are parts of `result`, or arrays of their own; smaller tiles where memory runs out."""
        grey = all((row == row[:, :1]).all() for row in self.image)
        done, height = 0, self.image.shape[0]
        while done < height:
            tile = self.limit.within(self.image.shape[:2], self.edge, self.backend.metadata.size_multiple)
            try:
                for rows, first, last in self._rows(tile, done):
                    strip = self._allocate(result, first, last, dtype)
                    self._fill(strip, rows, first, tile, grey)
                    done = last
                    yield strip
            except OutOfMemoryError as error:
                self.limit.shrink(tile, error, self.backend.metadata)

    def _allocate(
        self, result: NDArray[Element] | None, first: int, last: int, dtype: np.dtype[Element]
    ) -> NDArray[Element]:
        """Return the strip of LR rows [first, last)."""
        scale = self.backend.metadata.scale
        if result is not None:
            return result[first * scale : last * scale]
        return np.empty(((last - first) * scale, self.size[1], 3), dtype=dtype)

    def _spans(self, axis: int, tile: tiles.Size) -> list[Span]:
        """Return the tiles along an axis of the padded picture."""
        metadata = self.backend.metadata
        length = tiles.padded_length(self.image.shape[axis], self.edge, metadata.size_multiple)
        return tiles.spans(length, tile[axis], metadata.halo, metadata.size_multiple)

    def _own(self, span: Span, axis: int) -> tuple[int, int]:
        """Return the pixels [first, last) of the picture that a tile of the padded one is responsible for."""
        length = self.image.shape[axis]
        return max(span.first - self.edge, 0), min(span.last - self.edge, length)

    def _rows(self, tile: tiles.Size, done: int) -> Iterator[tuple[Span, int, int]]:
        """Yield the rows of tiles below the first `done` rows of the picture, and which rows [first, last) to take."""
        for rows in self._spans(0, tile):
            first, last = self._own(rows, 0)
            if last > max(first, done):
                yield rows, max(first, done), last

    def _fill(self, strip: NDArray[Element], rows: Span, first: int, tile: tiles.Size, grey: bool) -> None:
        """Upscale a row of tiles into a strip, whose first row is the LR row `first`."""
        scale = self.backend.metadata.scale
        above = (first + self.edge - rows.start) * scale
        spans = self._spans(1, tile)
        before, total = (count * len(spans) for count in self._count(rows, tile))
        for number, columns in enumerate(spans, start=1):
            left, right = self._own(columns, 1)
            if left >= right:
                continue
            part = tiles.read_tile(self.image, rows, columns, self.edge)
            planes = np.ascontiguousarray(part.transpose(2, 0, 1)[None])
            upscaled = self.backend.run(planes, self.selection.inputs(rows, columns))[0]
            self.on_tile(before + number, total)
            start = (left + self.edge - columns.start) * scale
            core = upscaled[:, above : above + len(strip), start : start + (right - left) * scale]
            if not interleave(core, strip[:, left * scale : right * scale], grey):
                raise not_finite()

    def _count(self, rows: Span, tile: tiles.Size) -> tuple[int, int]:
        """Count the rows of tiles above one of them, and all."""
        spans = self._spans(0, tile)
        return spans.index(rows), len(spans)
