"""What `amsr infer` does with its options and its pictures."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, cast

from amsr_deploy.commands.effort import Effort
from amsr_deploy.commands.output_size import OutputSize
from amsr_deploy.commands.pictures.batch import Task, run_batch
from amsr_deploy.commands.pictures.file_upscaler import FileUpscaler
from amsr_deploy.commands.pictures.inputs import Inputs
from amsr_deploy.commands.pictures.options import take, take_inputs, take_naming, take_reporter
from amsr_deploy.commands.pictures.outputs import open_outputs
from amsr_deploy.commands.pictures.reporter import Reporter
from amsr_deploy.commands.pictures.request import InferRequest
from amsr_deploy.commands.pictures.shard import Shard
from amsr_deploy.commands.pictures.targets import prepare
from amsr_deploy.commands.upscalers import at_once, check_masked, load_upscalers
from amsr_deploy.image import WriteOptions
from amsr_deploy.runtime.newest import wanted_model
from amsr_deploy.runtime.settings import PictureSettings
from amsr_deploy.runtime.shipped import origin

STAGES = 3
"""Pictures at a time where one network runs: while one is upscaled, another one is read, and another one written."""


def run(backbone: str | None, model: Path | None, shard: str | None, ray: str | None, **options: Any) -> int:
    """Upscale pictures as the options of `amsr infer` ask, and return the exit code."""
    part = None if shard is None else Shard.parse(shard)
    naming, reporter = take_naming(options), take_reporter(options)
    if part:
        reporter.json_file = part.own_report(reporter.json_file)
    request = InferRequest(
        OutputSize(**take(options, "scale", "width", "height", "megapixels")),
        Effort(**take(options, "dilation", "level", "budget")),
        naming,
        WriteOptions(**take(options, "quality", "lossless", "strip_metadata", "compression")),
        **take(options, "mask", "save_mask", "compare"),
        advise=options["trained_for"] is None,
        shard=part,
    )
    with take_inputs("infer", options, naming, reporter, [request.mask, model]) as inputs:
        chosen = wanted_model(backbone, model, options["device"], options["trained_for"])
        settings = cast(PictureSettings, options | {"model": chosen, "dilation": request.effort.chosen_dilation})
        if ray is None:
            return infer_pictures(inputs, request, reporter, settings)
        from amsr_deploy.commands.pictures.spread import spread_pictures  # here, because few need it

        return spread_pictures(inputs, request, reporter, settings, ray)


def infer_pictures(inputs: Inputs, request: InferRequest, reporter: Reporter, settings: PictureSettings) -> int:
    """Upscale pictures, on a GPU some at a time; others are read and written meanwhile. One that fails stops no other.

    Args:
        inputs: the pictures.
        request: what is wanted.
        reporter: says what became of each.
        settings: keyword arguments of `loading.load`, with the model.

    Returns:
        The exit code; see `run_batch`.

    Raises:
        AmsrError: what concerns all pictures: the model, the settings, the names of the outputs.
    """
    request.check(inputs, settings)
    upscalers = load_upscalers(request.size, settings)
    check_masked(upscalers, mask=request.mask, save_mask=request.save_mask, budget=request.effort.budget)
    with open_outputs(request.naming, inputs, [request.mask] if request.mask else []) as outputs:
        upscaler = FileUpscaler(upscalers, origin(settings["model"]), request, outputs)
        task = Task(partial(prepare, outputs, request, upscalers), upscaler.upscale, outputs.release)
        reporter.to_stderr = outputs.spool is not None
        networks = at_once(upscalers)
        return run_batch(request.pictures(inputs), task, reporter, max(networks, STAGES), networks)
