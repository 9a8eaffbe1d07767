"""Parts of a picture, upscaled as they are in the whole of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from amsr_deploy.runtime import tiles
from amsr_deploy.runtime.backends.base import OutOfMemoryError
from amsr_deploy.runtime.tiled import Tiled, write_pixels

PHASE = 2
"""Parts of a picture begin at multiples of this: kernels may compute pixels in squares of this side."""


@dataclass(frozen=True, kw_only=True)
class PartUpscaling(Tiled):
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
