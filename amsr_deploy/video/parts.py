"""Parts of pictures, upscaled as they are in the whole of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from amsr_deploy.runtime.backends.base import OutOfMemoryError
from amsr_deploy.runtime.tile_runner import TileRunner, write_pixels
from amsr_deploy.runtime.tiles import Size, Span, round_up
from amsr_deploy.runtime.upscaler import Upscaler

Part = tuple[slice, slice]
"""Rows and columns of a picture."""
PHASE = 2
"""Parts of a picture begin at multiples of this: kernels may compute pixels in squares of this side."""


class PartUpscaler:
    """Upscales parts of pictures.

    Attributes:
        halo: LR pixels around a part that are read.
        multiple: parts begin at multiples of this many pixels.
    """

    def __init__(self, upscaler: Upscaler, halo: int) -> None:
        """Let an upscaler work on parts.

        Args:
            upscaler: a loaded model.
            halo: LR pixels around a part that are read; with fewer than the network sees, `metadata.halo`, results are
                only nearly those in the whole picture.
        """
        self._upscaler, self.halo = upscaler, halo
        self.multiple = max(PHASE, upscaler.metadata.size_multiple)

    @property
    def reach(self) -> int:
        """LR pixels around a part on which its result depends: of the picture and of the mask."""
        beyond = 0 if self._upscaler.is_local else self.multiple - 1
        return round_up(self.halo, self.multiple) + beyond

    def run(
        self,
        image: NDArray[np.float32],
        parts: Sequence[Part],
        mask: NDArray[np.bool_] | None,
        canvas: NDArray[np.generic],
        grey: bool,
    ) -> NDArray[np.bool_]:
        """Upscale parts of a picture.

        Args:
            image: the picture, [H, W, 3] float32 in [0, 1].
            parts: rows and columns of each, which begin at multiples of `multiple`.
            mask: [H, W] bool, where the network works; None is everywhere.
            canvas: [sH, sW, 3] uint8 or uint16, where white is the largest value, or float32 in [0, 1]; gets the parts
                at their places, s is the scale.
            grey: give them no colour.

        Returns:
            Pixels [H, W] of the picture where the network's body works.

        Raises:
            ModelError: the network's output is not finite.
            OutOfMemoryError: even small tiles are too large for the memory.
        """
        runner = self._upscaler.runner(image, mask)
        if self._upscaler.concurrency == 1:
            for part in parts:
                self._run_part(runner, part, canvas, grey)
        else:
            with ThreadPoolExecutor(self._upscaler.concurrency) as threads:
                list(threads.map(lambda part: self._run_part(runner, part, canvas, grey), parts))
        return runner.selection.pixels

    def _run_part(self, runner: TileRunner, part: Part, canvas: NDArray[np.generic], grey: bool) -> None:
        """Upscale a part, in smaller tiles where memory runs out."""
        while True:
            tile = runner.tile
            try:
                self._run_tiles(runner, part, tile, canvas, grey)
                return
            except OutOfMemoryError as error:
                runner.limit.shrink(tile, error, runner.backend.metadata)

    def _run_tiles(self, runner: TileRunner, part: Part, tile: Size, canvas: NDArray[np.generic], grey: bool) -> None:
        down, across = (slice(pixels.start + runner.edge, pixels.stop + runner.edge) for pixels in part)
        for rows, columns in part_grid((down, across), *runner.padded, tile, self.halo, self.multiple):
            write_pixels(runner.run_tile(rows, columns), canvas[runner.place(rows), runner.place(columns)], grey)


def part_grid(
    part: Part, height: int, width: int, tile: Size, halo: int, multiple: int = 1
) -> Iterator[tuple[Span, Span]]:
    """Yield the tiles (vertical span, horizontal span) of a part of a picture, row by row; see `part_spans`."""
    for vertical in part_spans(part[0], height, tile[0], halo, multiple):
        for horizontal in part_spans(part[1], width, tile[1], halo, multiple):
            yield vertical, horizontal


def part_spans(part: slice, length: int, tile: int, halo: int, multiple: int = 1) -> Iterator[Span]:
    """Cover a part [start, stop) of [0, length) by as few tiles of nearly one size as can be.

    Args:
        part: what is wanted, from a multiple of `multiple` on.
        length: pixels along the axis, a multiple of the network's size multiple.
        tile: most pixels that a tile reads, rounded; enlarged where it would leave no core.
        halo: pixels of overlap on each side, where the picture goes on.
        multiple: tiles start at multiples of this, and end there or with the picture.
    """
    overlap, wanted = round_up(halo, multiple), part.stop - part.start

    def around(first: int, last: int) -> Span:
        return Span(max(first - overlap, 0), min(round_up(last + overlap, multiple), length), first, last)

    whole = around(part.start, part.stop)
    count = 1 if whole.stop - whole.start <= tile else -(-wanted // max(tile - 2 * overlap, multiple))
    step = round_up(-(-wanted // count), multiple)
    for first in range(part.start, part.stop, step):
        yield around(first, min(first + step, part.stop))
