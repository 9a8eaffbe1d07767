"""What `amsr export` does. PyTorch, which takes seconds to load, comes after all that can be checked without it."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from amsr_deploy.commands.console import steps
from amsr_deploy.commands.messages import say
from amsr_deploy.dependencies import EXPORT_MODULES, check_modules
from amsr_deploy.descriptor import DEFAULT_BACKBONE, PURPOSES, Purpose, describe
from amsr_deploy.errors import ModelError, UserError
from amsr_deploy.files import check_target
from amsr_deploy.metadata import MOST_MASK_LOSS, Precision, check_precision
from amsr_deploy.model_file import read_metadata
from amsr_deploy.runtime.shipped import model_name, shipped_weights

if TYPE_CHECKING:
    from amsr_deploy.models import Network
    from amsr_deploy.models.checkpoint import Checkpoint

_log = logging.getLogger(__name__)


def run(
    backbone: str | None,
    weights: Path | None,
    scale: int | None,
    trained_for: Purpose | None,
    dense: bool,
    fp16: bool,
    bf16: bool,
    output: Path | None,
    force: bool,
) -> int:
    """Export a backbone with its shipped or given weights, say what was written, and return the exit code.

    Args:
        backbone: its name; None is that of the weights, or the default where none are given.
        weights: a checkpoint; None is the shipped one.
        scale: upscaling factor; None is that of the weights.
        trained_for: which shipped weights, or what given ones were trained for; None is what they say, or clean.
        dense: whether to export the dense network, without a mask.
        fp16: whether weights and features are of float16.
        bf16: likewise of bfloat16.
        output: the file to write; None is a name in the current folder.
        force: whether to export weights masked that lose much by masks.

    Raises:
        AmsrError: weights that do not fit or were not trained with masks, or for something else; a folder that does
            not exist; an export that differs from PyTorch.
    """
    precision = wanted_precision(fp16, bf16)
    check_precision(precision, not dense)
    if output is not None:
        check_target(output, ".onnx")
    source = wanted_weights(weights, backbone, scale, trained_for)
    check_modules(EXPORT_MODULES, "torch", "amsr export")
    with steps() as step:
        step("loading PyTorch")
        from amsr_deploy import models
        from amsr_deploy.export.onnx import Training, export_onnx
        from amsr_deploy.models.checkpoint import TRAINED_FOR, make_network, read_checkpoint

        checkpoint = read_checkpoint(source)
        network = make_network(checkpoint, backbone, scale)
        purpose = known_purpose(source, checkpoint.facts.get(TRAINED_FOR), trained_for)
        path = output or Path(model_name(models.name_of(network), network.scale, dense, precision, purpose))
        check_target(path, ".onnx")
        dilation = trained_dilation(checkpoint, models.name_of(network))
        loss = 0.0
        if weights and not dense:
            step("measuring what the mask costs")
            loss = checked_loss(weights, network, dilation, force)
        before = earlier_weights(path)
        difference = export_onnx(network, path, not dense, precision, Training(dilation, purpose, loss), step)
    if before not in (None, read_metadata(path).weights_sha256):
        _log.warning("%s is replaced; it held other weights", path)
    say(f"{path}: {path.stat().st_size / 1e6:.2f} MB, differs from PyTorch by at most {difference:.1e}")
    return 0


def wanted_precision(fp16: bool, bf16: bool) -> Precision:
    """Choose the precision that the options name.

    Raises:
        UserError: they name two.
    """
    if fp16 and bf16:
        raise UserError("--fp16 and --bf16 are two precisions; give one of them")
    return "float16" if fp16 else "bfloat16" if bf16 else "float32"


def wanted_weights(weights: Path | None, backbone: str | None, scale: int | None, trained_for: Purpose | None) -> Path:
    """Choose the checkpoint: a given one, else that of a shipped model.

    Raises:
        ModelError: no such file, or no such model ships.
    """
    if weights is None:
        return shipped_weights(backbone or DEFAULT_BACKBONE, scale, trained_for)
    if not weights.is_file():
        raise ModelError(f"{weights} is not a file; give a .safetensors or .pth checkpoint")
    return weights


def known_purpose(weights: Path, recorded: str | None, wanted: Purpose | None) -> Purpose:
    """Tell what weights were trained for.

    Args:
        weights: a checkpoint.
        recorded: what it says itself, if anything.
        wanted: what the user says, if anything.

    Raises:
        ModelError: the two contradict each other, or the checkpoint says what this version does not know.
    """
    if recorded is None:
        return wanted or "clean"
    if recorded not in PURPOSES:
        raise ModelError(f"{weights} says it was trained for {recorded!r}; known are: {', '.join(PURPOSES)}")
    if wanted not in (None, recorded):
        raise ModelError(f"{weights} was trained for {recorded}, not for {wanted}; leave out `trained_for`")
    return recorded


def trained_dilation(checkpoint: Checkpoint, backbone: str) -> int:
    """Tell the dilation that weights were trained for; the backbone's own where they do not say."""
    from amsr_deploy.models.checkpoint import MASKS
    from amsr_deploy.training.schedule import MaskSchedule

    masks = checkpoint.facts.get(MASKS)
    return MaskSchedule.parse(masks).target if masks else describe(backbone).dilation


def checked_loss(weights: Path, network: Network, dilation: int, force: bool) -> float:
    """Measure what given weights lose by the mask, in dB, 0 or more.

    Args:
        weights: their file.
        network: a network that holds them.
        dilation: that of the mask.
        force: whether to warn only where it is too much.

    Raises:
        ModelError: it is more than `MOST_MASK_LOSS`.
    """
    from amsr_deploy.export.mask_loss import mask_loss

    loss = max(mask_loss(network, dilation), 0.0)
    if loss > MOST_MASK_LOSS:
        message = f"{weights} was not trained with masks: the mask costs {loss:.1f} dB on the sample photo"
        if not force:
            raise ModelError(
                f"{message}; export it with --dense, train it with masks (amsr train --init {weights}), or give --force"
            )
        _log.warning("%s", message)
    return loss


def earlier_weights(path: Path) -> str | None:
    """Read the digest of the weights in a model file; None where there is none of ours."""
    try:
        return read_metadata(path).weights_sha256
    except ModelError:
        return None
