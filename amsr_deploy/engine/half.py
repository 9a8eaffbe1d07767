"""float32 ONNX -> float16: weights and arithmetic in half precision, inputs and outputs as they were."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from onnx import AttributeProto, GraphProto, ModelProto, TensorProto, numpy_helper
from onnxruntime.transformers.float16 import convert_float_to_float16
from onnxruntime.transformers.onnx_model import OnnxModel

from amsr_deploy.errors import ModelError


def to_half(model: ModelProto) -> ModelProto:
    """Copy a float32 model so that it computes in float16; its float32 inputs and outputs stay.

    The functions of the `amsr` operators hold for both types and stay as they are.

    Raises:
        ModelError: a weight is too large for float16.
    """
    half = ModelProto()
    half.CopyFrom(model)
    del half.graph.value_info[:]  # they name the old types
    for tensor in _weights(half.graph):
        _round(tensor)
    half = convert_float_to_float16(half, keep_io_types=True, disable_shape_infer=True)
    sources = {node.output[0]: node.input[0] for node in half.graph.node if node.op_type == "Cast"}
    for node in half.graph.node:
        if node.op_type == "Shape":  # which is the same before a cast, and known there before anything runs
            node.input[0] = sources.get(node.input[0], node.input[0])
    OnnxModel.graph_topological_sort(half.graph)
    return half


def _weights(graph: GraphProto) -> Iterator[TensorProto]:
    """Find the float32 tensors of a graph: initializers and constants of nodes."""
    attributes = (attribute for node in graph.node for attribute in node.attribute)
    constants = (attribute.t for attribute in attributes if attribute.type == AttributeProto.TENSOR)
    for tensor in (*graph.initializer, *constants):
        if tensor.data_type == TensorProto.FLOAT:
            yield tensor


def _round(tensor: TensorProto) -> None:
    """Round a weight to numbers that float16 holds: the conversion would clip what is too large or too small for it."""
    values = numpy_helper.to_array(tensor)
    with np.errstate(over="ignore"):
        half = values.astype(np.float16)
    if np.isfinite(values).all() and not np.isfinite(half).all():
        largest = np.abs(values).max()
        raise ModelError(
            f"weight {tensor.name} reaches {largest:g}, more than float16 holds (65504); build without `fp16`"
        )
    tensor.CopyFrom(numpy_helper.from_array(half.astype(np.float32), tensor.name))
