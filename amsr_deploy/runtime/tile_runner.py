"""A picture that a network upscales in tiles, which become smaller where memory runs out."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from amsr_deploy.errors import ModelError
from amsr_deploy.image.arrays import as_batch
from amsr_deploy.image.interleave import interleave
from amsr_deploy.metadata import Metadata
from amsr_deploy.runtime import tiles
from amsr_deploy.runtime.backends.base import Backend, OutOfMemoryError
from amsr_deploy.runtime.selection import Selection
from amsr_deploy.runtime.tiles import Span
from amsr_deploy.system.memory import memory_budget
from amsr_deploy.wording import first_line

TILE_HALOS = 24
"""Default side of a tile in halos: larger ones overlap less, but save little more for the memory that they take."""

_log = logging.getLogger(__name__)


def largest_tile(backend: Backend, side: int | None) -> tiles.Size:
    """Return the most LR pixels in height and width that a backend upscales at once.

    Args:
        backend: a loaded model.
        side: the most along a side; None is a fast size that fits.
    """
    largest = backend.largest
    if side is None and largest:
        return largest
    side = side or fast_side(backend)
    return (min(side, largest[0]), min(side, largest[1])) if largest else (side, side)


def fast_side(backend: Backend) -> int:
    """Choose the side of the fastest tiles that memory allows.

    On the CPU it is TILE_HALOS times the network's halo; on a GPU the larger, the faster.
    """
    metadata = backend.metadata
    within_memory = tiles.side_within(memory_budget(), metadata.bytes_per_pixel)
    if backend.device_memory is None:
        return min(within_memory, TILE_HALOS * metadata.halo)
    return min(within_memory, tiles.side_within(backend.device_memory // 2, metadata.bytes_per_pixel))


class TileLimit:
    """Most LR pixels in height and width that are upscaled at once, of all pictures and threads of an upscaler.

    It shrinks where memory runs out.
    """

    def __init__(self, size: tiles.Size) -> None:
        self.size = size
        self._lock = threading.Lock()

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


@dataclass(frozen=True)
class TileRunner:
    """A picture, and what runs on its tiles.

    Attributes:
        image: [H, W, 3] float32 in [0, 1].
        backend: runs the network.
        selection: what of the padded picture the network computes.
        edge: LR pixels by which the picture is reflected on all sides.
        limit: size of the tiles.
    """

    image: NDArray[np.float32]
    backend: Backend
    selection: Selection
    edge: int
    limit: TileLimit

    @property
    def padded(self) -> tiles.Size:
        """Height and width of the reflected picture."""
        multiple = self.backend.metadata.size_multiple
        height, width = (tiles.padded_length(side, self.edge, multiple) for side in self.image.shape[:2])
        return height, width

    @property
    def tile(self) -> tiles.Size:
        """Most LR pixels in height and width at once, as far as is known by now."""
        longest = max(self.padded)
        return min(self.limit.size[0], longest), min(self.limit.size[1], longest)

    def place(self, span: Span) -> slice:
        """Return where in the result that lies which a tile is responsible for."""
        scale = self.backend.metadata.scale
        return slice((span.first - self.edge) * scale, (span.last - self.edge) * scale)

    def run_tile(self, rows: Span, columns: Span) -> NDArray[np.float32]:
        """Upscale a tile; return the planes [3, h, w] of what it is responsible for.

        Raises:
            OutOfMemoryError: it is too large for the memory.
            ModelError: the network makes something else than its metadata says.
        """
        part = tiles.read_tile(self.image, rows, columns, self.edge)
        upscaled = self.backend.run(as_batch(part), self.selection.inputs(rows, columns))
        scale = self.backend.metadata.scale
        expected = [1, 3, *(scale * side for side in part.shape[:2])]
        if list(upscaled.shape) != expected or upscaled.dtype != np.float32:
            raise ModelError(
                f"{self.backend.model} makes {list(upscaled.shape)} {upscaled.dtype}, not {expected} float32"
            )
        return upscaled[0][:, rows.core(scale), columns.core(scale)]


def write_pixels(planes: NDArray[np.float32], pixels: NDArray[np.generic], grey: bool) -> None:
    """Write planes as pixels; see `interleave`.

    Raises:
        ModelError: they are not finite.
    """
    if not interleave(planes, pixels, grey):
        raise ModelError("the network's output is not finite; float16 can overflow: use the float32 model")
