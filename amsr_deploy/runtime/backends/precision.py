"""Which precision of a model runs on the CPU: float32, or bfloat16 where that is faster."""

from __future__ import annotations

from pathlib import Path

from amsr_deploy import native
from amsr_deploy.descriptor import PRECISION_CHOICES, PrecisionChoice
from amsr_deploy.errors import BackendError, ModelError, UserError
from amsr_deploy.metadata import PRECISION_SUFFIXES
from amsr_deploy.model_file import read_metadata

FAST_IN_BFLOAT16 = ("avx512_bf16",)
"""Instruction sets of the native kernels that multiply bfloat16 numbers; others would convert them first."""


def choose_precision(model: Path, precision: PrecisionChoice | None) -> Path:
    """Choose between a model in float32 and its form in bfloat16, which lies beside it: `disp_x4_bf16.onnx`.

    Args:
        model: an exported ONNX.
        precision: what is wanted; `auto` is bfloat16 where it is there and the processor is faster in it, None is that
            of the file.

    Raises:
        UserError: an unknown precision.
        BackendError: a precision that the model does not have.
        ModelError: a file that is no model of this project.
    """
    if precision not in (None, *PRECISION_CHOICES):
        raise UserError(f"unknown `precision` {precision!r}; use one of: {', '.join(PRECISION_CHOICES)}")
    if precision is None or (precision == "auto" and not is_fast_in_bfloat16()):
        return model
    found = bfloat16_form(model)
    if precision == "auto":
        return found or model
    metadata = read_metadata(model)
    if metadata.precision == precision:
        return model
    if precision == "bfloat16" and found:
        return found
    hint = ""
    if precision == "bfloat16" and metadata.masked:
        of = f"--backbone {metadata.backbone} --scale {metadata.scale} --for {metadata.trained_for}"
        hint = f"; make it: amsr export {of} --bf16"
    raise BackendError(f"precision {precision} was asked for, but {model.name} computes in {metadata.precision}{hint}")


def is_fast_in_bfloat16() -> bool:
    """Tell whether the native kernels of this processor compute faster in bfloat16."""
    code = native.inspect()
    return code is not None and code.instruction_set in FAST_IN_BFLOAT16


def bfloat16_form(model: Path) -> Path | None:
    """Find the form in bfloat16 of the same weights beside a model."""
    path = model.with_name(f"{model.stem}{PRECISION_SUFFIXES['bfloat16']}{model.suffix}")
    if not path.is_file():
        return None
    try:
        same = read_metadata(path).weights_sha256 == read_metadata(model).weights_sha256
    except ModelError:
        return None
    return path if same else None
