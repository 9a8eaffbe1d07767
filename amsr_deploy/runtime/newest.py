"""The newest model of a folder: an export or an engine."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path

from amsr_deploy.descriptor import Device, Purpose
from amsr_deploy.errors import BackendError, EngineError, ModelError
from amsr_deploy.files import by_age
from amsr_deploy.metadata import Metadata
from amsr_deploy.model_file import read_metadata
from amsr_deploy.runtime.backends.tensorrt.registry import is_in_cache
from amsr_deploy.runtime.shipped import chosen_model

_log = logging.getLogger(__name__)


def wanted_model(
    backbone: str | None, model: Path | None, device: Device, trained_for: Purpose | None = None
) -> str | Path:
    """Choose what a user asks for or, where that is nothing, the newest of the current folder before the default.

    Args:
        backbone: name of a shipped one.
        model: a file.
        device: where it is to run.
        trained_for: which of the shipped ones; where it is given, the folder is not looked at.

    Raises:
        UserError: a file and what chooses a shipped model are given.
    """
    chosen = chosen_model(backbone, model, trained_for)
    return chosen if backbone or model or trained_for else newest_model(Path(), device) or chosen


def newest_model(folder: Path, device: Device) -> Path | None:
    """Find the newest model of this project in a folder that runs, and say why others are not taken.

    Where the newest is an engine and the export of its weights is there too, that is taken: `choose.open_backend` runs
    it by the engine where it can.

    Args:
        folder: where exports and engines are.
        device: where it is to run.
    """
    models = describe_models(by_age(folder, ".onnx", ".engine"))
    chosen = next((found for path in models if (found := runnable(path, models, device))), None)
    if chosen:
        others = [path.name for path, model in models.items() if model.weights_sha256 != models[chosen].weights_sha256]
        if others:
            _log.warning("%s is used; %s: of other weights, give one as `model`", chosen, ", ".join(others))
    return chosen


def newest_export(folder: Path) -> Path | None:
    """Find the newest export of this project in a folder, and say why newer ones are not taken."""
    return next(iter(describe_models(by_age(folder, ".onnx"))), None)


def describe_models(paths: Iterable[Path]) -> dict[Path, Metadata]:
    """Read what exports and engines say about themselves, and warn of those that come before all of this project."""
    models: dict[Path, Metadata] = {}
    for path in paths:
        try:
            models[path] = describe_model(path)
        except (ModelError, EngineError) as error:
            if not models:
                _log.warning("%s is newest here, but not used: %s", path, error)
    return models


def describe_model(path: Path) -> Metadata:
    """Read what an export or an engine says about itself.

    Raises:
        ModelError, EngineError: it is none of this project.
    """
    if path.suffix != ".engine":
        return read_metadata(path)
    from amsr_deploy.runtime.backends.tensorrt.sidecar import read_sidecar  # here, because few have engines

    return read_sidecar(path).model


def runnable(path: Path, models: dict[Path, Metadata], device: Device) -> Path | None:
    """Choose what runs a model: itself, for an engine the export of its weights; None where it does not run."""
    if path.suffix == ".onnx":
        return path
    weights = (models[path].weights_sha256, models[path].masked)
    for export, model in models.items():
        if export.suffix == ".onnx" and (model.weights_sha256, model.masked) == weights:
            return export
    if device not in ("auto", "tensorrt"):
        _log.warning("%s is not used: it is an engine, and the device is %s", path, device)
        return None
    from amsr_deploy.runtime.backends.tensorrt.backend import read_engine  # here, because few have engines

    try:
        if read_engine(path)[0].plugins and not is_in_cache(path):
            raise EngineError("it brings native code; if you trust it, give it as `model`")
    except (BackendError, EngineError) as error:
        _log.warning("%s is not used: %s", path, error)
        return None
    return path
