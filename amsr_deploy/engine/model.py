"""Reading the ONNX file that an engine is built from."""

from __future__ import annotations

from pathlib import Path

import onnx

from amsr_deploy.errors import ModelError


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
