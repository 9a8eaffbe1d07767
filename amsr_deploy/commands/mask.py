"""What `amsr mask` does with each of its pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from amsr_deploy import image
from amsr_deploy.commands.effort import Effort
from amsr_deploy.commands.output_size import OutputSize
from amsr_deploy.commands.pictures.batch import Task, run_batch
from amsr_deploy.commands.pictures.inputs import Input, Inputs
from amsr_deploy.commands.pictures.options import take, take_inputs, take_naming, take_reporter
from amsr_deploy.commands.pictures.outputs import Naming, Outputs, open_outputs
from amsr_deploy.commands.pictures.reporter import Reporter
from amsr_deploy.commands.upscalers import describe_wanted
from amsr_deploy.descriptor import Strategy
from amsr_deploy.errors import UserError
from amsr_deploy.metadata import Metadata
from amsr_deploy.runtime.budget import mask_for
from amsr_deploy.runtime.checks import check_settings
from amsr_deploy.runtime.masking import Masking
from amsr_deploy.runtime.newest import wanted_model
from amsr_deploy.wording import counted


@dataclass(frozen=True)
class MaskRequest:
    """What is wanted of all pictures.

    Attributes:
        overlay: tint the photo where the network works, in place of a picture of the mask.
        size: for which the model is enough.
        models: names of the models by their scale, and how each chooses what it computes.
        effort: how much work a picture is worth.
    """

    overlay: bool
    size: OutputSize
    models: Mapping[int, tuple[str, Masking]]
    effort: Effort

    @property
    def label(self) -> str:
        """What the outputs are called in names."""
        return "overlay" if self.overlay else "mask"


@dataclass(frozen=True)
class MaskReport:
    """What a mask is like; see `mask.Mask` and `upscaling.Upscaling`."""

    output: str
    model: str
    dilation: int
    density: float
    unit: str
    """What the density counts."""
    cost_share: float
    threshold: float
    rounds: int

    def __str__(self) -> str:
        return (
            f"{self.output}: {self.model}, density {self.density:.3f} ({self.unit}, dilation {self.dilation}), "
            f"{self.cost_share:.0%} of the dense cost, threshold {self.threshold:.4f}, {counted(self.rounds, 'round')}"
        )


def run(backbone: str | None, model: Path | None, **options: Any) -> int:
    """Write masks as the options of `amsr mask` ask, and return the exit code."""
    naming, reporter = take_naming(options), take_reporter(options)
    size = OutputSize(**take(options, "scale", "width", "height", "megapixels"))
    effort = Effort(**take(options, "dilation", "level", "budget"))
    with take_inputs("mask", options, naming, reporter, [model]) as inputs:
        chosen = wanted_model(backbone, model, "auto", options["trained_for"])
        found = describe_wanted(size, {"model": chosen, "trained_for": options["trained_for"]})
        settings = take(options, "threshold", "strategy")
        models = {
            scale: (path.name, wanted_masking(path, metadata, effort, **settings))
            for scale, (path, metadata) in found.items()
        }
        return mask_pictures(inputs, MaskRequest(options["overlay"], size, models, effort), naming, reporter)


def wanted_masking(
    path: Path, metadata: Metadata, effort: Effort, threshold: float | None, strategy: Strategy
) -> Masking:
    """Choose how a model computes masks.

    Raises:
        UserError: an even dilation, a threshold that is no share or for a network without windows, a dense model.
    """
    if not metadata.masked:
        raise UserError(f"{path} works everywhere: it has no mask; give a masked model, or a `backbone`")
    dilation = effort.chosen_dilation
    check_settings(path.name, metadata, True, dilation, threshold, strategy, tile=None)
    return Masking.of(metadata, dilation, threshold, strategy)


def mask_pictures(inputs: Inputs, request: MaskRequest, naming: Naming, reporter: Reporter) -> int:
    """Write where a network works on each picture: a picture of the mask, or the photo with that area tinted.

    Args:
        inputs: the pictures.
        request: what is wanted.
        naming: how the outputs are named.
        reporter: says what became of each.

    Returns:
        The exit code; see `run_batch`.
    """
    with open_outputs(naming, inputs) as outputs:
        reporter.to_stderr = outputs.spool is not None
        task = Task(partial(prepare, outputs, request), partial(write_mask, outputs, request), outputs.release)
        return run_batch(inputs.pictures, task, reporter)


def prepare(outputs: Outputs, request: MaskRequest, source: Input) -> None:
    """Check what can be known of a picture before it is read.

    Raises:
        AmsrError: it is not there, or its output cannot be.
    """
    source.check()
    outputs.claim(source, request.label)


def write_mask(outputs: Outputs, request: MaskRequest, source: Input, turn: object) -> MaskReport:  # noqa: ARG001
    """Write the mask of a picture, or the picture with the mask as a tint.

    Raises:
        AmsrError: a picture that cannot be read, an output that cannot be written.
    """
    picture = image.read(source.path)
    model, masking = request.models[request.size.plan(str(source), picture.size, request.models).scale]
    found, dilation = mask_for(masking, picture.visible, request.effort.budget)
    selected = masking.select(found.pixels)
    share = masking.metadata.cost.share(selected.density)
    request.effort.check_cost(str(source), share)
    target = outputs.claim(source, request.label)
    if request.overlay:
        tinted = image.overlay(picture, selected.pixels)
        image.check_output(target, tinted)
        outputs.write(source, target, lambda path: image.write(path, tinted))
    else:
        outputs.write(source, target, lambda path: image.write_mask(path, selected.pixels))
    return MaskReport(
        outputs.shown(target),
        model,
        dilation,
        selected.density,
        masking.metadata.body,
        share,
        found.threshold,
        found.rounds,
    )
