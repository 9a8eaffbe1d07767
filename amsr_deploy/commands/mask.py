"""What `amsr mask` does with each of its pictures."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from amsr_deploy import image
from amsr_deploy.commands.pictures.batch import Reporter, Task, run_batch
from amsr_deploy.commands.pictures.inputs import Input, Inputs
from amsr_deploy.commands.pictures.options import take_inputs, take_naming, take_reporter
from amsr_deploy.commands.pictures.outputs import Naming, Outputs, open_outputs
from amsr_deploy.descriptor import Strategy, describe
from amsr_deploy.errors import UserError
from amsr_deploy.mask import check_dilation, compute_mask
from amsr_deploy.metadata import Metadata
from amsr_deploy.runtime.checks import check_threshold
from amsr_deploy.runtime.newest import describe_model, wanted_model
from amsr_deploy.runtime.selection import MaskedNetwork, select
from amsr_deploy.runtime.tiles import edge_for
from amsr_deploy.wording import counted


@dataclass(frozen=True)
class MaskRequest:
    """What is wanted of all pictures.

    Attributes:
        overlay: tint the photo where the network works, in place of a picture of the mask.
        dilation: side k of the mask's dilation square, odd.
        threshold: share of masked pixels from which a window is kept (SwinIR), in [0, 1].
        strategy: how the mask's threshold is found.
        model: name of the model for which the mask is.
        network: what it must know of it.
    """

    overlay: bool
    dilation: int
    threshold: float
    strategy: Strategy
    model: str
    network: MaskedNetwork

    @property
    def label(self) -> str:
        """What the outputs are called in names."""
        return "overlay" if self.overlay else "mask"


def wanted_mask(
    model: str | Path, overlay: bool, dilation: int | None, threshold: float | None, strategy: Strategy
) -> MaskRequest:
    """Make the request for a backbone or a model file, whose dilation and threshold are the defaults.

    Raises:
        UserError: an even dilation, a threshold that is no share or for a network without windows, a dense model.
        ModelError, EngineError: a file that is no model of this project.
    """
    name, network = (model.name, describe_model(model)) if isinstance(model, Path) else (model, describe(model))
    if isinstance(network, Metadata) and not network.masked:
        raise UserError(f"{model} works everywhere: it has no mask; give a masked model, or a `backbone`")
    if threshold is not None:
        check_threshold(threshold, name, network.body == "windows")
    if dilation is not None:
        check_dilation(dilation)
    return MaskRequest(
        overlay,
        network.dilation if dilation is None else dilation,
        network.threshold if threshold is None else threshold,
        strategy,
        name,
        network,
    )


@dataclass(frozen=True)
class MaskReport:
    """What a mask is like; see `mask.Mask`."""

    output: str
    model: str
    density: float
    """Share of the body that the network computes, as `amsr infer` says it."""
    unit: str
    """What the density counts."""
    threshold: float
    rounds: int

    def __str__(self) -> str:
        return (
            f"{self.output}: {self.model}, density {self.density:.3f} ({self.unit}), threshold {self.threshold:.4f}, "
            f"{counted(self.rounds, 'round')}"
        )


def run(backbone: str | None, model: Path | None, **options: Any) -> int:
    """Write masks as the options of `amsr mask` ask, and return the exit code."""
    naming, reporter = take_naming(options), take_reporter(options)
    with take_inputs("mask", options, naming, reporter, [model]) as inputs:
        chosen = wanted_model(backbone, model, "auto")
        return mask_pictures(inputs, wanted_mask(chosen, **options), naming, reporter)


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
    found = compute_mask(picture.visible, request.dilation, request.strategy)
    selected = select(found.pixels, request.network, request.threshold, edge_for(request.network.size_multiple))
    target = outputs.claim(source, request.label)
    if request.overlay:
        tinted = image.overlay(picture, selected.pixels)
        image.check_output(target, tinted)
        outputs.write(source, target, lambda path: image.write(path, tinted))
    else:
        outputs.write(source, target, lambda path: image.write_mask(path, selected.pixels))
    return MaskReport(
        outputs.shown(target), request.model, selected.density, request.network.body, found.threshold, found.rounds
    )
