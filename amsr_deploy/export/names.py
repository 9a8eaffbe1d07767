"""Names of an exported graph: a layer is called as its weights are, so that profiles and errors can be read."""

from __future__ import annotations

import onnx_ir as ir

MODULE = "network."
"""What the names of weights begin with in a traced graph."""


def name_layers(graph: ir.Graph) -> None:
    """Name weights as the network does, and each node after the module that its weights belong to."""
    for value in list(graph.initializers.values()):
        if value.name and value.name.startswith(MODULE):
            value.name = value.name.removeprefix(MODULE)
    taken: dict[str, int] = {}
    for node in graph:
        module = common_module([value.name for value in node.inputs if value is not None and is_weight(value)])
        name = module or f"{node.op_type}"
        taken[name] = taken.get(name, 0) + 1
        node.name = name if taken[name] == 1 else f"{name}_{taken[name]}"


def is_weight(value: ir.Value) -> bool:
    """Return whether a value is a weight of a module under its own name; those that were reshaped have lost it."""
    return value.is_initializer() and value.name is not None and "." in value.name


def common_module(names: list[str | None]) -> str:
    """Find the innermost module that all weights belong to: `body.0` for `body.0.weight` and `body.0.bias`."""
    paths = [str(name).split(".")[:-1] for name in names]
    common = []
    for parts in zip(*paths, strict=False):
        if len(set(parts)) > 1:
            break
        common.append(parts[0])
    return ".".join(common)
