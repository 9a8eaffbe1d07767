"""What `amsr export` does."""

from __future__ import annotations

from pathlib import Path

from amsr_deploy import models
from amsr_deploy.descriptor import SCALE
from amsr_deploy.errors import UserError
from amsr_deploy.export.onnx import export_onnx
from amsr_deploy.metadata import Precision
from amsr_deploy.models.checkpoint import load_checkpoint
from amsr_deploy.runtime.shipped import model_name, shipped_weights


def wanted_precision(fp16: bool, bf16: bool) -> Precision:
    """The precision that the options of the command line name.

    Raises:
        UserError: they name two.
    """
    if fp16 and bf16:
        raise UserError("--fp16 and --bf16 are two precisions; give one of them")
    return "float16" if fp16 else "bfloat16" if bf16 else "float32"


def export_backbone(backbone: str, weights: Path | None, dense: bool, precision: Precision, output: Path | None) -> str:
    """Export a backbone with its shipped or given weights; returns a line that says what was written.

    Raises:
        AmsrError: weights that do not fit, a folder that does not exist, an export that differs from PyTorch.
    """
    path = output or Path(model_name(backbone, SCALE, dense, precision))
    if path.suffix != ".onnx":
        raise UserError(f"output {path} does not end in .onnx")
    if not path.parent.is_dir():
        raise UserError(f"folder {path.parent} does not exist; create it first")
    network = models.create(backbone)
    load_checkpoint(network, weights or shipped_weights(backbone, SCALE))
    difference = export_onnx(network, backbone, path, masked=not dense, precision=precision)
    return f"{path}: {path.stat().st_size / 1e6:.2f} MB, differs from PyTorch by at most {difference:.1e}"
