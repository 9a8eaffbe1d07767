"""What `amsr inspect` shows of a model, or of an engine, for which neither a GPU nor TensorRT is needed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import onnx
from rich.table import Table

from amsr_deploy.commands.console import add_row, output_console
from amsr_deploy.engine.model import read_model
from amsr_deploy.errors import AmsrError
from amsr_deploy.metadata import Metadata
from amsr_deploy.runtime.backends.gpu import find_gpu
from amsr_deploy.runtime.backends.tensorrt.check import check_file, check_machine
from amsr_deploy.runtime.backends.tensorrt.edition import load_edition, rtx_gpus
from amsr_deploy.runtime.backends.tensorrt.sidecar import Sidecar, read_sidecar


def run(file: Path) -> int:
    """Print a model or an engine as tables, and return the exit code.

    Raises:
        ModelError, EngineError: no such file, or none of this project.
    """
    tables = engine_tables(file) if file.suffix == ".engine" else model_tables(file)
    console = output_console()
    for table in tables:
        console.print(table)
    return 0


def model_tables(path: Path) -> tuple[Table, ...]:
    """List a model's inputs and outputs, operators, cost and metadata."""
    model, metadata = read_model(path)
    return tensors(model), operators(model), cost(metadata), properties(metadata)


def engine_tables(path: Path) -> tuple[Table, ...]:
    """List an engine's inputs, what it runs on, whether that is here, cost and metadata."""
    sidecar = read_sidecar(path)
    return inputs(sidecar), facts(path, sidecar), cost(sidecar.model), properties(sidecar.model)


def tensors(model: onnx.ModelProto) -> Table:
    """List inputs and outputs with their types and shapes."""
    table = Table("tensor", "type", "shape", title="Inputs and outputs", title_justify="left")
    for kind, values in (("in", model.graph.input), ("out", model.graph.output)):
        for value in values:
            tensor = value.type.tensor_type
            dims = ", ".join(dim.dim_param or str(dim.dim_value) for dim in tensor.shape.dim)
            add_row(table, f"{kind} {value.name}", element_type(value), f"[{dims}]")
    return table


def element_type(value: onnx.ValueInfoProto) -> str:
    """Name the type of a tensor's elements as NumPy does; of other values, what they are: `sequence_type`."""
    element = value.type.tensor_type.elem_type
    return onnx.helper.tensor_dtype_to_np_dtype(element).name if element else str(value.type.WhichOneof("value"))


def operators(model: onnx.ModelProto) -> Table:
    """Count each operator; those of this project come first."""
    table = Table("operator", "nodes", "form", title="Operators", title_justify="left")
    functions = {(function.domain, function.name) for function in model.functions}
    counts = Counter((node.domain, node.op_type) for node in model.graph.node)
    for (domain, name), count in sorted(counts.items(), key=lambda item: (not item[0][0], item[0])):
        form = "function inside the file" if (domain, name) in functions else "standard"
        add_row(table, f"{domain}.{name}" if domain else name, str(count), form)
    return table


def cost(metadata: Metadata) -> Table:
    """List multiply-accumulates per LR pixel at some densities."""
    table = Table("density", "MACs per LR pixel", "share of dense", title="Cost", title_justify="left")
    densities = (0.0, 0.25, 0.5, 0.75, 1.0) if metadata.masked else (1.0,)
    for density in densities:
        add_row(table, f"{density:.2f}", f"{metadata.cost.masked(density):,.0f}", f"{metadata.cost.share(density):.1%}")
    return table


def properties(metadata: Metadata) -> Table:
    """List all metadata; `mask_loss` where it was measured."""
    table = Table("property", "value", title="Metadata", title_justify="left")
    for name, value in vars(metadata).items():
        if name not in ("cost", "tools") and (name, value) != ("mask_loss", 0):
            add_row(table, name, str(value))
    for tool, version in metadata.tools.items():
        add_row(table, tool, version)
    return table


def inputs(sidecar: Sidecar) -> Table:
    """List inputs with the shapes that the engine was built for."""
    table = Table("input", "smallest", "optimal", "largest", title="Inputs", title_justify="left")
    for name, shapes in sidecar.profile.items():
        add_row(table, name, *("x".join(map(str, shape)) for shape in shapes))
    return table


def facts(engine: Path, sidecar: Sidecar) -> Table:
    """Describe the file, and what it runs on."""
    table = Table("property", "value", title="Engine", title_justify="left")
    data = engine.read_bytes()
    for name, value in {
        "size": f"{len(data) / 1e6:.1f} MB",
        "file": _verdict(lambda: check_file(engine, sidecar, data), "as it was built"),
        "built from": sidecar.source,
        "built with": f"{sidecar.edition} {sidecar.version} on {sidecar.platform}",
        "runs on": sidecar.gpu or f"RTX GPUs: {rtx_gpus(sidecar.compute_capability)}",
        "runs here": _verdict(lambda: _check_here(engine, sidecar), "yes"),
        "plugins": f"version {sidecar.plugins}, in the engine" if sidecar.plugins else "none",
        "built by": sidecar.command,
    }.items():
        add_row(table, name, value)
    return table


def _check_here(engine: Path, sidecar: Sidecar) -> None:
    check_machine(engine, sidecar, find_gpu(), load_edition(sidecar.edition))


def _verdict(check: Callable[[], None], good: str) -> str:
    """Say what a check finds."""
    try:
        check()
    except AmsrError as error:
        return f"no: {error}"
    return good
