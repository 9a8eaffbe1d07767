"""Which models are compared: a masked one and the dense one of the same weights."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from amsr_deploy.descriptor import BACKBONES
from amsr_deploy.errors import ModelError, UserError
from amsr_deploy.runtime.onnxruntime_ import OnnxRuntimeBackend
from amsr_deploy.runtime.shipped import WEIGHTS, model_name, shipped_model


@dataclass(frozen=True)
class Pair:
    """A masked model and the dense one of the same weights."""

    name: str
    masked: Path
    dense: Path


def check_pair(masked: OnnxRuntimeBackend, dense: OnnxRuntimeBackend) -> None:
    """Raises ModelError unless the models are a masked one and its dense twin."""
    if not masked.metadata.masked:
        raise ModelError(f"{masked.model} is a dense model; give the masked one, and this one as --dense-model")
    if dense.metadata.masked:
        raise ModelError(f"{dense.model} is a masked model; make the dense one with `amsr export --dense`")
    if masked.metadata.weights_sha256 != dense.metadata.weights_sha256:
        raise ModelError(f"{masked.model} and {dense.model} are of different weights; export both from the same ones")


def choose_pairs(backbones: Iterable[str], model: Path | None, dense_model: Path | None) -> list[Pair]:
    """The models to measure: given files, or shipped ones of some backbones (none: all that ship).

    Raises:
        UserError: a file without the other, files and backbones.
        ModelError: a backbone that does not ship.
    """
    names = list(backbones)
    if (model is None) != (dense_model is None):
        raise UserError("a masked and a dense model are compared; give --model and --dense-model")
    if model is not None and dense_model is not None:
        if names:
            raise UserError("--backbone names shipped models; leave it out with --model")
        return [Pair(model.stem, model, dense_model)]
    return [Pair(name, shipped_model(name), shipped_model(name, dense=True)) for name in names or shipped_backbones()]


def shipped_backbones() -> list[str]:
    """Backbones that ship both with and without masks."""
    return [name for name in BACKBONES if all((WEIGHTS / model_name(name, dense)).is_file() for dense in (False, True))]
