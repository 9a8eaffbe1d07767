"""Parts of a picture, upscaled as they are in the whole of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from amsr_deploy.image.interleave import interleave
from amsr_deploy.runtime import tiles
from amsr_deploy.runtime.backends.base import Backend, OutOfMemoryError
from amsr_deploy.runtime.selection import Selection
from amsr_deploy.runtime.upscaling import TileLimit, not_finite

PHASE = 2
"""Parts of a picture begin at multiples of this: kernels may compute pixels in squares of this side."""


@dataclass(frozen=True)
class PartUpscaling:
    """What runs on parts of a picture.

    Attributes:
        image: [H, W, 3] float32 in [0, 1].
        canvas: [sH, sW, 3] uint8, uint16 or float32, where results go; s is the scale.
        backend: runs the network.
        selection: what of the padded picture the network computes.
        edge: LR pixels by which the picture is reflected on all sides.
        limit: size of the tiles.
    """

    image: NDArray[np.float32]
    canvas: NDArray[np.generic]
    backend: Backend
    selection: Selection
    edge: int
    limit: TileLimit

    def run(self, part: tiles.Part, halo: int, multiple: int) -> None:
        """Upscale rows and columns of the picture; see `Upscaler.run_parts`."""
        while True:
            tile = self.limit.within(self.image.shape[:2], self.edge, self.backend.metadata.size_multiple)
            try:
                self._run_tiles(part, halo, multiple, tile)
                return
            except OutOfMemoryError as error:
                self.limit.shrink(tile, error, self.backend.metadata)

    def _run_tiles(self, part: tiles.Part, halo: int, multiple: int, tile: tiles.Size) -> None:
        scale, size_multiple = self.backend.metadata.scale, self.backend.metadata.size_multiple
        inside = (self._padded(part[0]), self._padded(part[1]))
        height, width = (tiles.padded_length(side, self.edge, size_multiple) for side in self.image.shape[:2])
        for rows, columns in tiles.part_grid(inside, height, width, tile, halo, multiple):
            pixels = tiles.read_tile(self.image, rows, columns, self.edge)
            planes = np.ascontiguousarray(pixels.transpose(2, 0, 1)[None])
            upscaled = self.backend.run(planes, self.selection.inputs(rows, columns))[0]
            core = upscaled[:, rows.core(scale), columns.core(scale)]
            if not interleave(core, self.canvas[self._on_canvas(rows), self._on_canvas(columns)], grey=False):
                raise not_finite()

    def _padded(self, pixels: slice) -> slice:
        """Return a range of pixels in the padded picture."""
        return slice(pixels.start + self.edge, pixels.stop + self.edge)

    def _on_canvas(self, span: tiles.Span) -> slice:
        """Return what a tile is responsible for, on the canvas."""
        scale = self.backend.metadata.scale
        return slice((span.first - self.edge) * scale, (span.last - self.edge) * scale)
