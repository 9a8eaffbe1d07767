"""Reading the ONNX file that an engine is built from."""

from __future__ import annotations

from pathlib import Path

import onnx

from amsr_deploy.errors import ModelError
from amsr_deploy.metadata import Metadata
from amsr_deploy.model_file import read_metadata, read_single_file
from amsr_deploy.wording import first_line


def read_model(path: Path) -> tuple[onnx.ModelProto, Metadata]:
    """Read an ONNX file and its metadata.

    Raises:
        ModelError: no such file, not a model of this project, or one that ONNX's checker refuses.
    """
    metadata = read_metadata(path)
    content = read_single_file(path)
    try:
        model = onnx.load_model_from_string(content)
        onnx.checker.check_model(model)
    except Exception as error:  # protobuf and the checker raise types of their own
        raise ModelError(f"{path} is no valid ONNX ({first_line(error)}); make or copy it again") from error
    return model, metadata
