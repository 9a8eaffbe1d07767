"""What is done with each picture of `amsr infer`, on this machine or another one."""

from __future__ import annotations

import logging
import math
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from amsr_deploy import image
from amsr_deploy.commands.output_size import Plan, reduce_to
from amsr_deploy.commands.pictures.inputs import Input
from amsr_deploy.commands.pictures.pipeline import Turn
from amsr_deploy.commands.pictures.request import InferRequest
from amsr_deploy.commands.pictures.targets import Files, Sink, claim_files
from amsr_deploy.commands.upscalers import Upscalers
from amsr_deploy.errors import BackendError, EngineError, ModelError
from amsr_deploy.image import Picture
from amsr_deploy.image.pillow import from_pillow
from amsr_deploy.metadata import Metadata
from amsr_deploy.runtime.budget import mask_for
from amsr_deploy.runtime.picture_strips import PictureStrips
from amsr_deploy.runtime.shipped import shipped_scales
from amsr_deploy.runtime.upscaler import Upscaler
from amsr_deploy.runtime.upscaling import OnTile, Upscaling
from amsr_deploy.system.memory import check_memory

FLOATS_OF_PIXEL = 6
"""Samples of a pixel in memory where a result is reduced or compared: as the network makes it, and as it becomes."""
MOST_AHEAD = 4 << 20
"""Pixels of pictures that may wait for others: larger ones take memory, and reading is little of what they cost."""
DAMAGING_QUALITY = 80
"""JPEGs up to here come out better with weights for photos: see MODEL_CARD.md, "For real photos"."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class InferReport:
    """What became of one picture; see `upscaling.Upscaling` for the figures, `output_size.Plan` for the size."""

    model: str
    origin: str
    """`shipped` with the package, or `yours`."""
    scale: int
    backend: str
    dilation: int | None
    """None where there is no mask, or one of the user's own."""
    density: float
    cost_share: float
    seconds: float
    output: str
    reduction: str | None
    comparison: str | None
    """The picture of `--compare`, where it was made."""
    mask: str | None
    """The picture of `--save-mask`, where it was made."""

    def __str__(self) -> str:
        dilation = "" if self.dilation is None else f" (dilation {self.dilation})"
        parts = [
            f"{self.output}: {self.model} ({self.origin}), {self.backend}, density {self.density:.2f}{dilation}",
            f"{self.cost_share:.0%} of the dense cost, {self.seconds:.2f} s",
            self.reduction,
            f"compared in {self.comparison}" if self.comparison else None,
            f"mask in {self.mask}" if self.mask else None,
        ]
        return ", ".join(filter(None, parts))


def on_tile(picture: Picture, turn: Turn) -> OnTile:
    """Choose what follows the tiles of a picture: those of alpha come after the last one of the colours."""
    return turn.last_tile if picture.alpha is None else turn.tile


def check_whole(picture: Picture, scale: int) -> None:
    """Raise ImageError where memory is too little for the whole result of a model."""
    height, width = (side * scale for side in picture.size)
    check_memory(
        4 * FLOATS_OF_PIXEL * height * width,
        f"a result of {width}x{height} pixels that is reduced or compared",
        "ask for a `scale` that a model has, which needs no reduction, and no `compare`",
    )


def advise(picture: Picture, model: Metadata) -> None:
    """Say that a damaged JPEG is better with weights for photos, where the package has them beside those of a model."""
    quality = picture.metadata.jpeg_quality
    is_damaged = quality is not None and quality <= DAMAGING_QUALITY
    if is_damaged and model.scale in shipped_scales(model.backbone, trained_for="photo"):
        _log.warning("JPEGs of quality %d or less come out better with `trained_for` photo", DAMAGING_QUALITY)


@dataclass(frozen=True)
class FileUpscaler:
    """Upscales picture files, and makes what is wanted beside each."""

    upscalers: Upscalers
    origin: str
    request: InferRequest
    sink: Sink

    def upscale(self, source: Input, turn: Turn, content: bytes | None = None) -> InferReport:
        """Upscale a picture with all that belongs to it: alpha, depth, colour profile, EXIF.

        Args:
            source: the picture.
            turn: its turn among others.
            content: bytes of its file, where they have been read already.

        Raises:
            AmsrError: a picture that cannot be read, used or written.
        """
        with ExitStack() as reading:
            reading.enter_context(turn.reading())
            picture = image.read(source.path, content)
            plan = self.request.size.plan(str(source), picture.size, self.upscalers)
            files = claim_files(self.sink, self.request, source, plan.label)
            if not files.keeps_result:
                image.check_fit(files.result, picture, plan.size, self.request.writing)
            if math.prod(picture.size) <= MOST_AHEAD:
                reading.close()
            try:
                return self._upscale(source, picture, plan, files, turn)
            except (BackendError, EngineError, ModelError) as error:  # of the network, which knows no names
                error.args = (f"{source}: {error}",)
                raise

    def _upscale(self, source: Input, picture: Picture, plan: Plan, files: Files, turn: Turn) -> InferReport:
        """Upscale a picture, and write all that is wanted of it and missing."""
        upscaler = self.upscalers[plan.scale]
        if self.request.advise and self.origin == "shipped":
            advise(picture, upscaler.metadata)
        own_mask = self.request.mask
        region = None if own_mask is None else image.read_mask(own_mask, picture.size)
        in_memory = files.comparison or (plan.reduced and not files.keeps_result)
        if in_memory:
            check_whole(picture, plan.scale)
        strips = PictureStrips(partial(self._prepare, upscaler), picture, region, on_tile(picture, turn))
        self.request.effort.check_cost(str(source), strips.colour.cost_share)
        result = self._whole(strips, plan, turn) if in_memory else None
        if not files.keeps_result:
            self.sink.write(source, files.result, partial(self._write_result, picture, strips, result, turn))
        if files.comparison or files.mask:
            self._write_beside(source, files, picture, strips.colour.computed_pixels, result)
        return InferReport(
            model=upscaler.model,
            origin=self.origin,
            scale=plan.scale,
            backend=upscaler.backend,
            dilation=strips.colour.dilation,
            density=strips.colour.density,
            cost_share=strips.colour.cost_share,
            seconds=strips.seconds,
            output=self.sink.shown(files.result),
            reduction=plan.reduction,
            comparison=self.sink.shown(files.comparison) if files.comparison else None,
            mask=self.sink.shown(files.mask) if files.mask else None,
        )

    def _whole(self, strips: PictureStrips, plan: Plan, turn: Turn) -> Picture:
        """Upscale a picture that is reduced or compared."""
        with turn.network():
            return strips.whole(partial(reduce_to, size=plan.size)) if plan.reduced else strips.whole()

    def _write_beside(
        self, source: Input, files: Files, picture: Picture, worked: NDArray[np.bool_], result: Picture | None
    ) -> None:
        """Write what is wanted beside the result; only a comparison needs that itself."""
        if files.comparison and result:
            from amsr_deploy.commands.pictures.comparison import compare  # here, because few need it

            comparison = from_pillow(compare(picture, worked, result))
            self.sink.write(source, files.comparison, lambda path: image.write(path, comparison))
        if files.mask:
            self.sink.write(source, files.mask, lambda path: image.write_mask(path, worked))

    def _write_result(
        self, picture: Picture, strips: PictureStrips, result: Picture | None, turn: Turn, path: Path
    ) -> None:
        """Write the result where it is there as a whole, or else upscale the picture and write it strip by strip."""
        if result:
            image.write(path, result, self.request.writing)
            return
        with image.open_strips(path, picture, strips.size, self.request.writing) as writer, turn.network():
            for strip in strips.samples(writer.channels, writer.bits):
                writer.write(strip)

    def _prepare(
        self, upscaler: Upscaler, pixels: NDArray[np.float32], region: NDArray[np.bool_] | None, on_tile: OnTile
    ) -> Upscaling:
        """Prepare with the mask of the budget where there is one; see `Upscaler.prepare`."""
        budget = self.request.effort.budget
        if budget is None:
            return upscaler.prepare(pixels, region, on_tile)
        mask, dilation = mask_for(upscaler.masking, pixels, budget)
        return replace(upscaler.prepare(pixels, mask.pixels, on_tile), dilation=dilation)
