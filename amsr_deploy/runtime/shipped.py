"""The models that ship inside the package."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import amsr_deploy
from amsr_deploy.descriptor import BACKBONES, DEFAULT_BACKBONE, SCALES, describe
from amsr_deploy.errors import ModelError, UserError
from amsr_deploy.metadata import Precision

WEIGHTS = Path(amsr_deploy.__file__).parent / "weights"


_SUFFIXES: dict[Precision, str] = {"float32": "", "float16": "_fp16", "bfloat16": "_bf16"}


def model_name(backbone: str, scale: int, dense: bool = False, precision: Precision = "float32") -> str:
    """File name of an exported model: `carn_x4.onnx`, `disp_x2_dense_fp16.onnx`."""
    return f"{backbone}_x{scale}{'_dense' if dense else ''}{_SUFFIXES[precision]}.onnx"


def weights_name(backbone: str, scale: int) -> str:
    """File name of the weights of a backbone: `carn_x4.safetensors`."""
    return f"{backbone}_x{scale}.safetensors"


def chosen_model(backbone: str | None, model: Path | None) -> str | Path:
    """Choose what to load: a model file or a shipped backbone, of which a user gives one, or none for the default.

    Args:
        backbone: name of a shipped one.
        model: a file.

    Raises:
        UserError: both are given.
    """
    if backbone and model:
        raise UserError(f"`backbone` {backbone} and `model` {model} cannot be combined: each names the model to use")
    return model or backbone or DEFAULT_BACKBONE


def origin(model: str | Path) -> str:
    """Say where a model comes from: `shipped` with the package, or `yours`."""
    return "shipped" if model in BACKBONES else "yours"


def twin_path(model: Path) -> Path:
    """Where the dense twin of a masked model is, if there is one."""
    named = re.fullmatch(r"(.*_x\d)(_.*)?", model.stem)
    name, rest = named.groups("") if named else (model.stem, "")
    return model.with_name(f"{name}_dense{rest}{model.suffix}")


def shipped_scales(backbone: str, dense: bool = False) -> tuple[int, ...]:
    """List the scales of which the package ships a model of a backbone, rising."""
    return tuple(scale for scale in sorted(SCALES) if (WEIGHTS / model_name(backbone, scale, dense)).is_file())


def shipped_model(backbone: str, scale: int | None = None, dense: bool = False) -> Path:
    """Find the exported model of a backbone; without a scale that of the largest.

    Raises:
        UserError: no such backbone.
        ModelError: the package ships no model of it, or none of that scale.
    """
    path = _find(partial(model_name, describe(backbone).name, dense=dense), scale)
    if path is None:
        others = ", ".join(f"x{other}" for other in shipped_scales(backbone, dense))
        raise ModelError(
            f"no {_kind(scale)}{'dense ' if dense else ''}model of {backbone} ships with this version"
            f"{f' (there is {others})' if others else ''}; "
            f"export one with your weights: amsr export --backbone {backbone} --weights FILE, then give it as `model`"
        )
    return path


def shipped_weights(backbone: str, scale: int | None = None) -> Path:
    """Find the trained weights of a backbone, as safetensors; without a scale those of the largest.

    Raises:
        UserError: no such backbone.
        ModelError: the package ships no weights of it, or none of that scale.
    """
    path = _find(partial(weights_name, describe(backbone).name), scale)
    if path is None:
        raise ModelError(f"no {_kind(scale)}weights of {backbone} ship with this version; give your own as `weights`")
    return path


def _find(name: Callable[[int], str], scale: int | None) -> Path | None:
    """Find the file of a scale, or of the largest that ships."""
    scales = sorted(SCALES, reverse=True) if scale is None else [scale]
    return next((path for path in (WEIGHTS / name(scale) for scale in scales) if path.is_file()), None)


def _kind(scale: int | None) -> str:
    return "" if scale is None else f"x{scale} "
