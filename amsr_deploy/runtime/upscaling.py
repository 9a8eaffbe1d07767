"""One picture on its way through a network: in strips of tiles, or those parts of it that are wanted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from amsr_deploy.image.arrays import Element
from amsr_deploy.mask import Mask
from amsr_deploy.runtime import tiles
from amsr_deploy.runtime.backends.base import OutOfMemoryError
from amsr_deploy.runtime.tile_runner import TileRunner, write_pixels
from amsr_deploy.runtime.tiles import Span

OnTile = Callable[[int, int], object]
"""Is called with the number of tiles that are done, and of all."""
Start = Callable[[NDArray[np.float32], NDArray[np.bool_] | None, OnTile], "Upscaling"]
"""Decides what runs on a picture; see `Upscaler.start`."""
PHASE = 2
"""Parts of a picture begin at multiples of this: kernels may compute pixels in squares of this side."""


@dataclass(frozen=True, kw_only=True)
class Upscaling(TileRunner):
    """What is going to run on a picture, and the result in strips.

    Attributes:
        mask: where the network works; None if it is dense.
        density: share of the body that is computed, in [0, 1].
        dense_reason: why the dense twin runs in place of a masked model; None where it does not.
        on_tile: is called after each tile.
    """

    mask: Mask | None
    density: float
    dense_reason: str | None
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
        done = 0
        while done < self.image.shape[0]:
            tile = self.tile
            down, across = self._spans(0, tile), self._spans(1, tile)
            try:
                for number, rows in enumerate(down):
                    if rows.last - self.edge <= done:
                        continue
                    left = replace(rows, first=max(rows.first, done + self.edge))
                    strip = self._allocate(result, left, dtype)
                    self._fill(strip, left, across, (number, len(down)), grey)
                    done = rows.last - self.edge
                    yield strip
            except OutOfMemoryError as error:
                self.limit.shrink(tile, error, self.backend.metadata)

    def _spans(self, axis: int, tile: tiles.Size) -> list[Span]:
        """Return the tiles along an axis, each responsible for pixels of the picture only."""
        metadata = self.backend.metadata
        spans = tiles.spans(self.padded[axis], tile[axis], metadata.halo, metadata.size_multiple)
        end = self.edge + self.image.shape[axis]
        inside = (replace(span, first=max(span.first, self.edge), last=min(span.last, end)) for span in spans)
        return [span for span in inside if span.first < span.last]

    def _allocate(self, result: NDArray[Element] | None, rows: Span, dtype: np.dtype[Element]) -> NDArray[Element]:
        """Return the strip of a row of tiles."""
        place = self.place(rows)
        return np.empty((place.stop - place.start, self.size[1], 3), dtype) if result is None else result[place]

    def _fill(
        self, strip: NDArray[Element], rows: Span, across: Sequence[Span], count: tuple[int, int], grey: bool
    ) -> None:
        """Upscale a row of tiles into a strip; there are so many such rows above it, and in all."""
        before, total = (number * len(across) for number in count)
        for number, columns in enumerate(across, start=before + 1):
            planes = self.run_tile(rows, columns)
            self.on_tile(number, total)
            write_pixels(planes, strip[:, self.place(columns)], grey)


@dataclass(frozen=True, kw_only=True)
class PartUpscaling(TileRunner):
    """What runs on parts of a picture.

    Attributes:
        canvas: [sH, sW, 3] uint8, uint16 or float32, where results go; s is the scale.
    """

    canvas: NDArray[np.generic]

    def run(self, part: tiles.Part, halo: int, multiple: int) -> None:
        """Upscale rows and columns of the picture; see `Upscaler.run_parts`."""
        while True:
            tile = self.tile
            try:
                self._run_tiles(part, halo, multiple, tile)
                return
            except OutOfMemoryError as error:
                self.limit.shrink(tile, error, self.backend.metadata)

    def _run_tiles(self, part: tiles.Part, halo: int, multiple: int, tile: tiles.Size) -> None:
        inside = (self._padded(part[0]), self._padded(part[1]))
        for rows, columns in tiles.part_grid(inside, *self.padded, tile, halo, multiple):
            write_pixels(self.run_tile(rows, columns), self.canvas[self.place(rows), self.place(columns)])

    def _padded(self, pixels: slice) -> slice:
        """Return a range of pixels in the padded picture."""
        return slice(pixels.start + self.edge, pixels.stop + self.edge)
