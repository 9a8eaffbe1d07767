"""Parts of a picture, upscaled as they are in the whole of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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
        padded: the picture [H, W, 3] float32 in [0, 1], reflected by `edge` on all sides.
        backend: runs the network.
        selection: what of the padded picture the network computes.
        edge: LR pixels.
        limit: size of the tiles.
    """

    padded: NDArray[np.float32]
    backend: Backend
    selection: Selection
    edge: int
    limit: TileLimit

    def run(self, part: tiles.Part, halo: int, multiple: int) -> NDArray[np.float32]:
        """Upscale rows and columns of the picture; see `Upscaler.run_parts`."""
        longest = max(self.padded.shape[:2])
        inside = (
            slice(part[0].start + self.edge, part[0].stop + self.edge),
            slice(part[1].start + self.edge, part[1].stop + self.edge),
        )
        while True:
            try:
                result = self._run_tiles(inside, halo, multiple, self.limit.within(longest))
                break
            except OutOfMemoryError as error:
                self.limit.shrink(error, longest, self.backend.metadata)
        if not np.isfinite(result).all():
            raise not_finite()
        return result

    def _run_tiles(self, part: tiles.Part, halo: int, multiple: int, tile: tiles.Size) -> NDArray[np.float32]:
        """Upscale a part of the padded picture."""
        scale, (height, width) = self.backend.metadata.scale, self.padded.shape[:2]
        top, left = (axis.start * scale for axis in part)
        result = np.empty((part[0].stop * scale - top, part[1].stop * scale - left, 3), dtype=np.float32)
        for rows, columns in tiles.part_grid(part, height, width, tile, halo, multiple):
            pixels = self.padded[rows.read, columns.read]
            planes = np.ascontiguousarray(pixels.transpose(2, 0, 1)[None])
            upscaled = self.backend.run(planes, self.selection.inputs(rows, columns))[0]
            core = upscaled[:, rows.core(scale), columns.core(scale)]
            result[
                rows.first * scale - top : rows.last * scale - top,
                columns.first * scale - left : columns.last * scale - left,
            ] = core.transpose(1, 2, 0)
        return result
