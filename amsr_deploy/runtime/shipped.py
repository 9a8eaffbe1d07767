"""The models that ship inside the package."""

from __future__ import annotations

from pathlib import Path

import amsr_deploy
from amsr_deploy.descriptor import SCALE, describe
from amsr_deploy.errors import ModelError, UserError
from amsr_deploy.metadata import Precision

DEFAULT_BACKBONE = "carn"
WEIGHTS = Path(amsr_deploy.__file__).parent / "weights"


_SUFFIXES: dict[Precision, str] = {"float32": "", "float16": "_fp16", "bfloat16": "_bf16"}


def model_name(backbone: str, dense: bool = False, precision: Precision = "float32") -> str:
    """File name of an exported model: `carn_x4.onnx`, `carn_x4_dense_fp16.onnx`."""
    return f"{backbone}_x{SCALE}{'_dense' if dense else ''}{_SUFFIXES[precision]}.onnx"


def chosen_model(backbone: str | None, model: Path | None) -> str | Path:
    """What to load: a model file or a shipped backbone, of which a user gives one, or none for the default.

    Raises:
        UserError: both are given.
    """
    if backbone and model:
        raise UserError(f"--backbone {backbone} names a shipped model, --model {model} another one; give one of them")
    return model or backbone or DEFAULT_BACKBONE


def twin_path(model: Path) -> Path:
    """Where the dense twin of a masked model is, if there is one."""
    name, scale, rest = model.stem.rpartition(f"_x{SCALE}")
    return model.with_name(f"{name}{scale}_dense{rest}" if scale else f"{rest}_dense").with_suffix(model.suffix)


def shipped_model(backbone: str, dense: bool = False) -> Path:
    """The exported model of a backbone.

    Raises:
        UserError: no such backbone.
        ModelError: the package ships no model of it.
    """
    path = WEIGHTS / model_name(describe(backbone).name, dense)
    if not path.is_file():
        raise ModelError(
            f"no {'dense ' if dense else ''}model of {backbone} ships with this version; "
            f"export one with your weights: amsr export --backbone {backbone} --weights FILE, then give it as --model"
        )
    return path


def shipped_weights(backbone: str) -> Path:
    """The trained weights of a backbone, as safetensors.

    Raises:
        UserError: no such backbone.
        ModelError: the package ships no weights of it.
    """
    path = WEIGHTS / f"{describe(backbone).name}_x{SCALE}.safetensors"
    if not path.is_file():
        raise ModelError(f"no weights of {backbone} ship with this version; give your own with --weights FILE")
    return path
