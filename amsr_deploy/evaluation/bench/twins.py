"""Which models are compared: a masked one and the dense one of the same weights."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from amsr_deploy.descriptor import BACKBONES, Purpose
from amsr_deploy.errors import ModelError, UserError
from amsr_deploy.model_file import read_metadata
from amsr_deploy.runtime.backends.onnxruntime import OnnxRuntimeBackend
from amsr_deploy.runtime.shipped import shipped_model, shipped_scales


@dataclass(frozen=True)
class ModelPair:
    """A masked model and the dense one of the same weights."""

    name: str
    masked: Path
    dense: Path
    scale: int


def check_pair(masked: OnnxRuntimeBackend, dense: OnnxRuntimeBackend) -> None:
    """Raise ModelError unless the models are a masked one and its dense twin."""
    if not masked.metadata.masked:
        raise ModelError(f"{masked.model} is a dense model; give the masked one, and this one as `dense_model`")
    if dense.metadata.masked:
        raise ModelError(f"{dense.model} is a masked model; make the dense one with `amsr export --dense`")
    if masked.metadata.weights_sha256 != dense.metadata.weights_sha256:
        raise ModelError(f"{masked.model} and {dense.model} are of different weights; export both from the same ones")


def choose_pairs(
    backbones: Iterable[str],
    scale: int | None,
    trained_for: Purpose | None,
    model: Path | None,
    dense_model: Path | None,
) -> list[ModelPair]:
    """Choose the models to measure: given files, or shipped ones of some backbones (all where none) and of a scale.

    Args:
        backbones: of shipped models.
        scale: of shipped models.
        trained_for: which of the shipped models; None is those for clean pictures.
        model: a masked model file.
        dense_model: its dense twin.

    Raises:
        UserError: a file without the other, files and backbones or a scale.
        ModelError: what does not ship, a file that is no model.
    """
    names = list(dict.fromkeys(backbones))
    if (model is None) != (dense_model is None):
        raise UserError("a masked and a dense model are compared; give `model` and `dense_model`")
    if model is not None and dense_model is not None:
        if names or scale or trained_for:
            raise UserError(
                "`backbone`, `scale` and `trained_for` choose a shipped model and cannot be combined with `model`"
            )
        return [ModelPair(model.stem, model, dense_model, read_metadata(model).scale)]
    chosen = names or shipped_backbones(scale, trained_for)
    if not chosen:
        kind = f"{f' of scale {scale}' if scale else ''}{' for photos' if trained_for == 'photo' else ''}"
        raise ModelError(f"no models{kind} ship with this version; give your own as `model`")
    return [shipped_pair(name, scale, trained_for) for name in chosen]


def shipped_pair(backbone: str, scale: int | None, trained_for: Purpose | None = None) -> ModelPair:
    """Find the shipped models of a backbone, of a scale or of the largest that ships.

    Raises:
        ModelError: they do not ship.
    """
    masked = shipped_model(backbone, scale, trained_for=trained_for)
    actual = read_metadata(masked).scale
    name = f"{backbone}{f' x{scale}' if scale else ''}{' for photos' if trained_for == 'photo' else ''}"
    return ModelPair(name, masked, shipped_model(backbone, actual, dense=True, trained_for=trained_for), actual)


def shipped_backbones(scale: int | None = None, trained_for: Purpose | None = None) -> list[str]:
    """List the backbones that ship both with and without masks, of a scale or of any."""
    ships = {
        name: {*shipped_scales(name, False, trained_for)} & {*shipped_scales(name, True, trained_for)}
        for name in BACKBONES
    }
    return [name for name, scales in ships.items() if (scale in scales if scale else scales)]
