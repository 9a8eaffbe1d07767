"""float32 ONNX -> float16: weights and arithmetic in half precision, inputs and outputs as they were."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import onnx
from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper

from amsr_deploy.errors import ModelError

_ALWAYS_FLOAT = {("Resize", 1), ("Resize", 2), ("Upsample", 1)}
"""Inputs (operator, position) that are float32 by definition."""


def to_half(model: ModelProto) -> ModelProto:
    """Copy a float32 model so that it computes in float16; its float32 inputs and outputs stay.

    The functions of the `amsr` operators hold for both types and stay as they are.

    Raises:
        ModelError: a weight is too large for float16, or the graph has parts that this conversion does not know.
    """
    half = onnx.ModelProto()
    half.CopyFrom(model)
    graph = half.graph
    del graph.value_info[:]  # they name the old types
    for node in graph.node:
        _convert_attributes(node)
    _convert_initializers(graph)
    _cast_inputs(graph)
    _cast_outputs(graph)
    try:
        onnx.shape_inference.infer_shapes(half, check_type=True, strict_mode=True)
    except onnx.shape_inference.InferenceError as error:
        raise ModelError(f"the model cannot be converted to float16: {str(error).splitlines()[0]}") from error
    return half


def _convert_attributes(node: NodeProto) -> None:
    """Convert the constants and casts inside a node."""
    for attribute in node.attribute:
        if attribute.type in (AttributeProto.GRAPH, AttributeProto.GRAPHS):
            raise ModelError(f"the model cannot be converted to float16: {node.op_type} has branches")
        if attribute.type == AttributeProto.TENSOR and attribute.t.data_type == TensorProto.FLOAT:
            attribute.t.CopyFrom(_convert(attribute.t))
        elif node.op_type == "Cast" and attribute.name == "to" and attribute.i == TensorProto.FLOAT:
            attribute.i = TensorProto.FLOAT16


def _convert_initializers(graph: GraphProto) -> None:
    """Convert weights, and keep a float32 copy where an input needs one."""
    readers: dict[str, list[tuple[NodeProto, int]]] = defaultdict(list)
    for node in graph.node:
        for position, name in enumerate(node.input):
            readers[name].append((node, position))
    kept = []
    for tensor in list(graph.initializer):
        if tensor.data_type != TensorProto.FLOAT:
            continue
        uses = readers[tensor.name]
        as_float = [(node, position) for node, position in uses if (node.op_type, position) in _ALWAYS_FLOAT]
        if as_float and len(as_float) < len(uses):
            original = onnx.TensorProto()
            original.CopyFrom(tensor)
            original.name += "_float32"
            kept.append(original)
            for node, position in as_float:
                node.input[position] = original.name
        if len(as_float) < len(uses):
            tensor.CopyFrom(_convert(tensor))
    graph.initializer.extend(kept)


def _convert(tensor: TensorProto) -> TensorProto:
    values = numpy_helper.to_array(tensor)
    with np.errstate(over="ignore"):
        half = values.astype(np.float16)
    if np.isfinite(values).all() and not np.isfinite(half).all():
        largest = np.abs(values).max()
        raise ModelError(
            f"weight {tensor.name} reaches {largest:g}, more than float16 holds (65504); build without `fp16`"
        )
    return numpy_helper.from_array(half, tensor.name)


def _cast_inputs(graph: GraphProto) -> None:
    casts = []
    for value in graph.input:
        if value.type.tensor_type.elem_type != TensorProto.FLOAT:
            continue
        half = f"{value.name}_float16"
        for node in graph.node:
            if node.op_type == "Shape":  # which is the same, and known before anything runs
                continue
            for position, name in enumerate(node.input):
                if name == value.name:
                    node.input[position] = half
        casts.append(helper.make_node("Cast", [value.name], [half], f"to_{half}", to=TensorProto.FLOAT16))
    for cast in reversed(casts):
        graph.node.insert(0, cast)


def _cast_outputs(graph: GraphProto) -> None:
    for value in graph.output:
        if value.type.tensor_type.elem_type != TensorProto.FLOAT:
            continue
        half = f"{value.name}_float16"
        for node in graph.node:
            for names in (node.input, node.output):
                for position, name in enumerate(names):
                    if name == value.name:
                        names[position] = half
        graph.node.append(helper.make_node("Cast", [half], [value.name], f"from_{half}", to=TensorProto.FLOAT))
