"""What `amsr inspect` shows of a model."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import onnx
from rich.table import Table

from amsr_deploy import tables
from amsr_deploy.console import output_console
from amsr_deploy.errors import ModelError
from amsr_deploy.metadata import Metadata


def print_model(path: Path) -> None:
    """Print a model's inputs and outputs, operators, cost and metadata as tables.

    Raises:
        ModelError: no such file, or not a model of this project.
    """
    model = read_model(path)
    metadata = read_metadata(path, model)
    console = output_console()
    for table in (tensors(model), operators(model), tables.cost(metadata), tables.properties(metadata)):
        console.print(table)


def read_model(path: Path) -> onnx.ModelProto:
    """An ONNX file.

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
    """What a model tells about itself.

    Raises:
        ModelError: not a model of this project.
    """
    try:
        return Metadata.from_properties({entry.key: entry.value for entry in model.metadata_props})
    except ModelError as error:
        raise ModelError(f"{path}: {error}; make one with `amsr export`") from error


def tensors(model: onnx.ModelProto) -> Table:
    """Inputs and outputs with their types and shapes."""
    table = Table("tensor", "type", "shape", title="Inputs and outputs", title_justify="left")
    for kind, values in (("in", model.graph.input), ("out", model.graph.output)):
        for value in values:
            tensor = value.type.tensor_type
            dims = ", ".join(dim.dim_param or str(dim.dim_value) for dim in tensor.shape.dim)
            element = onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type).name
            table.add_row(f"{kind} {value.name}", element, f"[{dims}]".replace("[", "\\["))
    return table


def operators(model: onnx.ModelProto) -> Table:
    """How often each operator occurs; those of this project first."""
    table = Table("operator", "nodes", "form", title="Operators", title_justify="left")
    functions = {(function.domain, function.name) for function in model.functions}
    counts = Counter((node.domain, node.op_type) for node in model.graph.node)
    for (domain, name), count in sorted(counts.items(), key=lambda item: (not item[0][0], item[0])):
        form = "function inside the file" if (domain, name) in functions else "standard"
        table.add_row(f"{domain}.{name}" if domain else name, str(count), form)
    return table
