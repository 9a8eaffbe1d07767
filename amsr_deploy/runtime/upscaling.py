"""One picture on its way through a network, in strips of tiles."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from amsr_deploy.image.arrays import Element, is_grey
from amsr_deploy.mask import Mask
from amsr_deploy.runtime import tiles
from amsr_deploy.runtime.backends.base import OutOfMemoryError
from amsr_deploy.runtime.tile_runner import TileRunner, write_pixels
from amsr_deploy.runtime.tiles import Span

OnTile = Callable[[int, int], object]
"""Is called with the number of tiles that are done, and of all."""
Prepare = Callable[[NDArray[np.float32], NDArray[np.bool_] | None, OnTile], "Upscaling"]
"""Decides what runs on a picture; see `Upscaler.prepare`."""


@dataclass(frozen=True)
class Upscaling:
    """What is going to run on a picture, and the result in strips.

    Attributes:
        runner: the picture, and what runs on its tiles.
        mask: where the network works; None if it is dense.
        dilation: of that mask; None where there is none, or one of the caller's own.
        on_tile: is called after each tile.
    """

    runner: TileRunner
    mask: Mask | None
    dilation: int | None
    on_tile: OnTile

    @property
    def size(self) -> tiles.Size:
        """Height and width of the result."""
        (height, width), scale = self.runner.image.shape[:2], self.runner.backend.metadata.scale
        return height * scale, width * scale

    @property
    def computed_pixels(self) -> NDArray[np.bool_]:
        """Pixels [H, W] that the body computes: of windows, those that any layer keeps."""
        return self.runner.selection.pixels

    @property
    def density(self) -> float:
        """Share of the picture that the body computes, mean over its layers, in [0, 1]."""
        return self.runner.selection.density

    @property
    def cost_share(self) -> float:
        """Multiply-accumulates as a share of the dense network's."""
        return self.runner.backend.metadata.cost.share(self.density)

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
        runner, done, grey = self.runner, 0, is_grey(self.runner.image)
        while done < runner.image.shape[0]:
            tile = runner.tile
            down, across = self._spans(0, tile), self._spans(1, tile)
            try:
                for number, rows in enumerate(down):
                    if rows.last - runner.edge <= done:
                        continue
                    left = replace(rows, first=max(rows.first, done + runner.edge))
                    strip = self._allocate(result, left, dtype)
                    self._fill(strip, left, across, (number, len(down)), grey)
                    done = rows.last - runner.edge
                    yield strip
            except OutOfMemoryError as error:
                runner.limit.shrink(tile, error, runner.backend.metadata)

    def _spans(self, axis: int, tile: tiles.Size) -> list[Span]:
        """Return the tiles along an axis, each responsible for pixels of the picture only."""
        runner, metadata = self.runner, self.runner.backend.metadata
        spans = tiles.spans(runner.padded[axis], tile[axis], metadata.halo, metadata.size_multiple)
        end = runner.edge + runner.image.shape[axis]
        inside = (replace(span, first=max(span.first, runner.edge), last=min(span.last, end)) for span in spans)
        return [span for span in inside if span.first < span.last]

    def _allocate(self, result: NDArray[Element] | None, rows: Span, dtype: np.dtype[Element]) -> NDArray[Element]:
        """Return the strip of a row of tiles."""
        place = self.runner.place(rows)
        return np.empty((place.stop - place.start, self.size[1], 3), dtype) if result is None else result[place]

    def _fill(
        self, strip: NDArray[Element], rows: Span, across: Sequence[Span], count: tuple[int, int], grey: bool
    ) -> None:
        """Upscale a row of tiles into a strip; there are so many such rows above it, and in all."""
        before, total = (number * len(across) for number in count)
        for number, columns in enumerate(across, start=before + 1):
            planes = self.runner.run_tile(rows, columns)
            self.on_tile(number, total)
            write_pixels(planes, strip[:, self.runner.place(columns)], grey)
