"""Reading the ONNX file that an engine is built from."""

from __future__ import annotations

from pathlib import Path

import onnx

from amsr_deploy.errors import ModelError
from amsr_deploy.metadata import Metadata
from amsr_deploy.model_file import read_metadata


def read_model(path: Path) -> tuple[onnx.ModelProto, Metadata]:
    """Read an ONNX file and its metadata.

    Raises:
        ModelError: no such file, or not a model of this project.
    """
    metadata = read_metadata(path)
    try:
        model = onnx.load(path)
        onnx.checker.check_model(model)
    except Exception as error:  # protobuf and the checker raise types of their own
        raise ModelError(f"{path} is damaged; make or copy it again") from error
    return model, metadata
