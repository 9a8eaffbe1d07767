"""The models that ship inside the package."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import amsr_deploy
from amsr_deploy.descriptor import BACKBONES, DEFAULT_BACKBONE, PURPOSES, SCALES, Purpose, describe
from amsr_deploy.errors import ModelError, UserError
from amsr_deploy.metadata import PRECISION_SUFFIXES, Precision

WEIGHTS = Path(amsr_deploy.__file__).parent / "weights"


_PURPOSES: dict[Purpose | None, str] = {None: "", "clean": "", "photo": "_photo"}
"""Part of file names; None is what ships by default."""


def model_name(
    backbone: str, scale: int, dense: bool = False, precision: Precision = "float32", trained_for: Purpose | None = None
) -> str:
    """Name the file of an exported model: `carn_x4.onnx`, `disp_x2_photo_dense_fp16.onnx`."""
    form = "_dense" if dense else ""
    return f"{backbone}_x{scale}{_purpose(trained_for)}{form}{PRECISION_SUFFIXES[precision]}.onnx"


def weights_name(backbone: str, scale: int, trained_for: Purpose | None = None) -> str:
    """Name the file of a backbone's weights: `carn_x4.safetensors`, `disp_x4_photo.safetensors`."""
    return f"{backbone}_x{scale}{_purpose(trained_for)}.safetensors"


def _purpose(trained_for: Purpose | None) -> str:
    """Return the part of a file name that says what a model was trained for.

    Raises:
        UserError: an unknown purpose.
    """
    if trained_for not in _PURPOSES:
        raise UserError(f"unknown `trained_for` {trained_for!r}; use {' or '.join(PURPOSES)}")
    return _PURPOSES[trained_for]


def chosen_model(backbone: str | None, model: Path | None, trained_for: Purpose | None = None) -> str | Path:
    """Choose what to load: a model file or a shipped backbone, of which a user gives one, or none for the default.

    Args:
        backbone: name of a shipped one.
        model: a file, or such a name in its place.
        trained_for: which of the shipped ones; None is those for clean pictures.

    Raises:
        UserError: a file and what chooses a shipped model are given.
    """
    if backbone and model:
        raise UserError(f"`backbone` {backbone} and `model` {model} cannot be combined: each names the model to use")
    if trained_for and model:
        raise UserError(f"`trained_for` chooses a shipped model: it cannot be combined with `model` {model}")
    if model:
        return str(model) if str(model) in BACKBONES else model
    return backbone or DEFAULT_BACKBONE


def origin(model: str | Path) -> str:
    """Say where a model comes from: `shipped` with the package, or `yours`."""
    return "shipped" if model in BACKBONES else "yours"


def twin_path(model: Path) -> Path:
    """Return where the dense twin of a masked model is, if there is one."""
    named = re.fullmatch(r"(.*_x\d(?:_photo)?)(_.*)?", model.stem)
    name, rest = named.groups("") if named else (model.stem, "")
    return model.with_name(f"{name}_dense{rest}{model.suffix}")


def shipped_scales(backbone: str, dense: bool = False, trained_for: Purpose | None = None) -> tuple[int, ...]:
    """List the scales of which the package ships a model of a backbone, rising."""
    names = {scale: model_name(backbone, scale, dense, trained_for=trained_for) for scale in sorted(SCALES)}
    return tuple(scale for scale, name in names.items() if (WEIGHTS / name).is_file())


def shipped_model(
    backbone: str, scale: int | None = None, dense: bool = False, trained_for: Purpose | None = None
) -> Path:
    """Find the exported model of a backbone; without a scale that of the largest.

    Raises:
        UserError: no such backbone.
        ModelError: the package ships no model of it, or none of that scale.
    """
    path = _find(partial(model_name, describe(backbone).name, dense=dense, trained_for=trained_for), scale)
    if path is None:
        kind = f"{_kind(scale)}{'dense ' if dense else ''}"
        if trained_for == "photo":
            raise _without_photo_model(f"{kind}model of {backbone}", dense)
        others = ", ".join(f"x{other}" for other in shipped_scales(backbone, dense))
        raise ModelError(
            f"no {kind}model of {backbone} ships with this version"
            f"{f' (there is {others})' if others else ''}; "
            f"export one with your weights: amsr export --backbone {backbone} --weights FILE, then give it as `model`"
        )
    return path


def shipped_weights(backbone: str, scale: int | None = None, trained_for: Purpose | None = None) -> Path:
    """Find the trained weights of a backbone, as safetensors; without a scale those of the largest.

    Raises:
        UserError: no such backbone.
        ModelError: the package ships no weights of it, or none of that scale.
    """
    path = _find(partial(weights_name, describe(backbone).name, trained_for=trained_for), scale)
    if path is None:
        if trained_for == "photo":
            raise _without_photo_model(f"{_kind(scale)}weights of {backbone}")
        raise ModelError(f"no {_kind(scale)}weights of {backbone} ship with this version; give your own as `weights`")
    return path


def shipped_models(dense: bool = False, trained_for: Purpose | None = None) -> list[tuple[str, int]]:
    """List backbone and scale of the models that ship."""
    return [(name, scale) for name in BACKBONES for scale in shipped_scales(name, dense, trained_for)]


def _without_photo_model(what: str, dense: bool = False) -> ModelError:
    """Say that nothing for photos ships of what was asked for, and what does."""
    others = ", ".join(f"{backbone} x{scale}" for backbone, scale in shipped_models(dense, "photo"))
    there_is = f"there is {others}" if others else "nor any other model for them; leave out `trained_for`"
    return ModelError(f"this version has no {what} for photos: {there_is}")


def _find(name: Callable[[int], str], scale: int | None) -> Path | None:
    """Find the file of a scale, or of the largest that ships."""
    scales = sorted(SCALES, reverse=True) if scale is None else [scale]
    return next((path for path in (WEIGHTS / name(scale) for scale in scales) if path.is_file()), None)


def _kind(scale: int | None) -> str:
    return "" if scale is None else f"x{scale} "
