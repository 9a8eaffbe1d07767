"""Reading the ONNX file that an engine is built from."""

from __future__ import annotations

from pathlib import Path

import onnx

from amsr_deploy.errors import ModelError
from amsr_deploy.metadata import Metadata


def read_model(path: Path) -> onnx.ModelProto:
    """Read an ONNX file.

    Raises:
        ModelError: no such file, or not an ONNX.
    """
    if not path.is_file():
        raise ModelError(f"{path} is not a file; give an ONNX that `amsr export` wrote")
    try:
        model = onnx.load(path)
        onnx.checker.check_model(model)
    except Exception as error:  # protobuf and the checker raise types of their own
        raise ModelError(f"{path} is not a readable ONNX model") from error
    return model


def read_metadata(path: Path, model: onnx.ModelProto) -> Metadata:
    """Read a model's metadata.

    Raises:
        ModelError: not a model of this project.
    """
    try:
        return Metadata.from_properties({entry.key: entry.value for entry in model.metadata_props})
    except ModelError as error:
        raise ModelError(f"{path}: {error}; make one with `amsr export`") from error
