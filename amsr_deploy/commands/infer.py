"""What `amsr infer` does with each of its pictures."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from amsr_deploy import image
from amsr_deploy.commands.batch import Reporter, Task, run_batch
from amsr_deploy.commands.inputs import Input, Inputs
from amsr_deploy.commands.output_size import OutputSize, Plan, reduce_to
from amsr_deploy.commands.outputs import open_outputs
from amsr_deploy.commands.request import Request
from amsr_deploy.commands.targets import Files, Sink, claim_files, prepare
from amsr_deploy.commands.turns import Turn
from amsr_deploy.descriptor import BACKBONES
from amsr_deploy.errors import UserError
from amsr_deploy.image import Picture
from amsr_deploy.image.pillow import from_pillow
from amsr_deploy.memory import check_memory
from amsr_deploy.runtime.budget import mask_within
from amsr_deploy.runtime.picture_strips import PictureStrips
from amsr_deploy.runtime.shipped import origin, shipped_scales
from amsr_deploy.runtime.upscaler import Upscaler, load
from amsr_deploy.runtime.upscaling import OnTile

Upscalers = Mapping[int, Upscaler]
"""Models by their scale."""

STAGES = 3
"""Pictures at a time where one network runs: while one is upscaled, another one is read, and another one written."""
FLOATS_OF_PIXEL = 6
"""Samples of a pixel in memory where a result is reduced or compared: as the network makes it, and as it becomes."""
MOST_AHEAD = 4 << 20
"""Pixels of pictures that may wait for others: larger ones take memory, and reading is little of what they cost."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Report:
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
    dense_reason: str | None
    reduction: str | None
    comparison: str | None
    """The picture of `--compare`, where it was made."""
    mask: str | None
    """The picture of `--save-mask`, where it was made."""

    def __str__(self) -> str:
        density = f"dense: {self.dense_reason}" if self.dense_reason else f"density {self.density:.2f}"
        parts = [
            f"{self.output}: {self.model} ({self.origin}), {self.backend}, {density}",
            f"{self.cost_share:.0%} of the dense cost, {self.seconds:.2f} s",
            self.reduction,
            f"compared in {self.comparison}" if self.comparison else None,
            f"mask in {self.mask}" if self.mask else None,
        ]
        return ", ".join(filter(None, parts))


def load_upscalers(model: str | Path, wanted: OutputSize, **settings: Any) -> Upscalers:
    """Load the models that pictures may need: a file of one scale, or those of a backbone that ship.

    Args:
        model: name of a backbone, or path of a model.
        wanted: size of the output.
        settings: keyword arguments of `upscaler.load`.

    Raises:
        AmsrError: see `upscaler.load`; a scale that no model has.
    """
    dense, trained_for = settings.get("dense", False), settings.get("trained_for")
    scales = shipped_scales(model, dense, trained_for) if model in BACKBONES else ()
    if scales:
        return {scale: load(model, scale=scale, **settings) for scale in wanted.models(scales)}
    upscaler = load(model, **settings)
    return dict.fromkeys(wanted.models([upscaler.metadata.scale]), upscaler)


def infer_pictures(inputs: Inputs, model: str | Path, request: Request, reporter: Reporter, **settings: Any) -> int:
    """Upscale pictures, on a GPU some at a time; others are read and written meanwhile. One that fails stops no other.

    Args:
        inputs: the pictures.
        model: name of a backbone, or path of a model.
        request: what is wanted.
        reporter: says what became of each.
        settings: keyword arguments of `upscaler.load`, without the dilation.

    Returns:
        The exit code; see `run_batch`.

    Raises:
        AmsrError: what concerns all pictures: the model, the settings, the names of the outputs.
    """
    request.check(inputs, **settings)
    upscalers = load_upscalers(model, request.size, dilation=request.effort.chosen_dilation, **settings)
    check_masked(upscalers, request)
    with open_outputs(request.naming, inputs, [request.mask] if request.mask else []) as outputs:
        work = Work(upscalers, origin(model), request, outputs)
        task = Task(partial(prepare, outputs, request, upscalers), work.upscale, outputs.release)
        reporter.to_stderr = outputs.spool is not None
        networks = at_once(upscalers)
        return run_batch(request.pictures(inputs), task, reporter, max(networks, STAGES), networks)


def at_once(upscalers: Upscalers) -> int:
    """Count the pictures that all models may upscale at the same time."""
    return min(upscaler.concurrency for upscaler in upscalers.values())


def check_masked(upscalers: Upscalers, request: Request) -> None:
    """Raise UserError where a model without mask is to follow one."""
    dense = [upscaler.model for upscaler in upscalers.values() if not upscaler.is_masked]
    given = {"--mask": request.mask, "--save-mask": request.save_mask, "--budget": request.effort.budget}
    options = [option for option, value in given.items() if value is not None]
    if dense and options:
        raise UserError(f"{dense[0]} works everywhere (--dense): it cannot be combined with {' and '.join(options)}")


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


@dataclass(frozen=True)
class Work:
    """What is done with each picture."""

    upscalers: Upscalers
    origin: str
    request: Request
    sink: Sink

    def upscale(self, source: Input, turn: Turn, content: bytes | None = None) -> Report:
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
            picture = source.read(content)
            plan = self.request.size.plan(str(source), picture.size, self.upscalers)
            files = claim_files(self.sink, self.request, source, plan.label)
            if not files.keeps_result:
                image.check_fit(files.result, picture, plan.size, self.request.writing)
            if math.prod(picture.size) <= MOST_AHEAD:
                reading.close()
            return self._upscale(source, picture, plan, files, turn)

    def _upscale(self, source: Input, picture: Picture, plan: Plan, files: Files, turn: Turn) -> Report:
        """Upscale a picture, and write all that is wanted of it and missing."""
        upscaler = self.upscalers[plan.scale]
        region, dilation = self._region(source, upscaler, picture)
        in_memory = files.comparison or (plan.reduced and not files.keeps_result)
        if in_memory:
            check_whole(picture, plan.scale)
        strips = PictureStrips(upscaler.start, picture, region, on_tile(picture, turn))
        result = self._whole(strips, plan, turn) if in_memory else None
        if not files.keeps_result:
            self.sink.write(source, files.result, partial(self._write_result, picture, strips, result, turn))
        if files.comparison or files.mask:
            mask = strips.colour.mask
            worked = upscaler.worked(mask.pixels) if mask else np.ones(picture.size, np.bool_)
            self._write_beside(source, files, picture, worked, result)
        return Report(
            model=upscaler.model,
            origin=self.origin,
            scale=plan.scale,
            backend=upscaler.backend,
            dilation=dilation if strips.colour.mask else None,
            density=strips.colour.density,
            cost_share=strips.colour.cost_share,
            seconds=strips.seconds,
            output=self.sink.shown(files.result),
            dense_reason=strips.colour.dense_reason,
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
            from amsr_deploy.commands.comparison import compare  # here, because few need it

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

    def _region(
        self, source: Input, upscaler: Upscaler, picture: Picture
    ) -> tuple[NDArray[np.bool_] | None, int | None]:
        """Choose the user's mask, or that of the budget, with its dilation; None is the upscaler's own mask."""
        if self.request.mask is not None:
            return image.read_mask(self.request.mask, picture.size), None
        budget = self.request.effort.budget
        if budget is None:
            return None, upscaler.dilation
        mask, dilation = mask_within(upscaler, upscaler.mask(picture.visible, dilation=1).pixels, budget)
        share = upscaler.cost_share(mask)
        if share > budget:
            _log.warning("%s: even dilation 1 costs %.3g of the dense network, not %g", source, share, budget)
        return mask, dilation
