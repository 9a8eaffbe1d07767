"""What `amsr export` does."""

from __future__ import annotations

from pathlib import Path

from amsr_deploy import models
from amsr_deploy.descriptor import DEFAULT_BACKBONE
from amsr_deploy.errors import UserError
from amsr_deploy.export.onnx import export_onnx
from amsr_deploy.metadata import Precision
from amsr_deploy.models.checkpoint import read_network
from amsr_deploy.runtime.shipped import model_name, shipped_weights


def wanted_precision(fp16: bool, bf16: bool) -> Precision:
    """Choose the precision that the options name.

    Raises:
        UserError: they name two.
    """
    if fp16 and bf16:
        raise UserError("--fp16 and --bf16 are two precisions; give one of them")
    return "float16" if fp16 else "bfloat16" if bf16 else "float32"


def export_backbone(
    backbone: str | None,
    weights: Path | None,
    scale: int | None,
    dense: bool,
    precision: Precision,
    output: Path | None,
) -> str:
    """Export a backbone with its shipped or given weights, and return a line that says what was written.

    Args:
        backbone: its name; None is that of the weights, or the default where none are given.
        weights: a checkpoint; None is the shipped one.
        scale: upscaling factor; None is that of the weights.
        dense: whether to export the dense network, without a mask.
        precision: type of weights and features.
        output: the file to write; None is a name in the current folder.

    Raises:
        AmsrError: weights that do not fit, a folder that does not exist, an export that differs from PyTorch.
    """
    if output is not None:
        check_output(output)
    network = read_network(weights or shipped_weights(backbone or DEFAULT_BACKBONE, scale), backbone, scale)
    path = output or Path(model_name(models.name_of(network), network.scale, dense, precision))
    difference = export_onnx(network, path, masked=not dense, precision=precision)
    return f"{path}: {path.stat().st_size / 1e6:.2f} MB, differs from PyTorch by at most {difference:.1e}"


def check_output(path: Path) -> None:
    """Raise UserError unless a model can be written under this name."""
    if path.suffix != ".onnx":
        raise UserError(f"output {path} does not end in .onnx")
    if not path.parent.is_dir():
        raise UserError(f"folder {path.parent} does not exist; create it first")
