"""Adapts a graph to the TensorRT plugins: they take a picture where operators take its size, and may work in place."""

from __future__ import annotations

import onnx
import onnx.helper
import onnx.numpy_helper

from amsr_deploy.descriptor import DOMAIN

_ON_UPSCALED_PIXELS = ("PixelConv2d", "PixelConv2dAdd")
_OVERWRITABLE = {"MaskScatter": 1, "WindowLayer": 0}
"""Operators whose plugins can write over an input, and its place."""


def pass_image_for_size(model: onnx.ModelProto) -> None:
    """Give the `amsr` nodes of a graph, in place, a picture where they have its size as two numbers.

    Plugins find their inputs in GPU memory, and would have to wait for the GPU to learn two numbers; the shape of a
    tensor they know before anything runs. So `Shape(picture, start=2, end=4)` is left out, and the picture
    [1, C, H, W] becomes the input `size` itself; its values are never read. This is done for inputs of the network
    only: other tensors would stay in memory for their shape. Such a graph is for the plugins only.

    PixelConv2d also takes the picture for a multiple of its size: the number of pixels gives the factor.
    """
    graph = model.graph
    inputs = {value.name for value in graph.input}
    pictures = {node.output[0]: node.input[0] for node in graph.node if _is_size(node) and node.input[0] in inputs}
    upscaled = _upscaled_sizes(graph, pictures)
    for node in graph.node:
        if node.domain == DOMAIN:
            known = upscaled if node.op_type in _ON_UPSCALED_PIXELS else pictures
            node.input[:] = [known.get(name, name) for name in node.input]
    for node in reversed(list(graph.node)):
        if node.output[0] in upscaled and node.output[0] not in _used(graph):
            graph.node.remove(node)


def choose_in_place(model: onnx.ModelProto, allowed: bool) -> None:
    """Tell the plugins that can write over an input whether they do: where it is allowed and no node reads it later.

    For later readers TensorRT has to copy the input first; TensorRT for RTX 1.7 then fails to build SwinIR.
    """
    nodes = model.graph.node
    last_reader = {name: place for place, node in enumerate(nodes) for name in node.input}  # in order of execution
    for place, node in enumerate(nodes):
        if node.domain == DOMAIN and node.op_type in _OVERWRITABLE:
            in_place = allowed and last_reader[node.input[_OVERWRITABLE[node.op_type]]] == place
            node.attribute.append(onnx.helper.make_attribute("in_place", int(in_place)))


def _upscaled_sizes(graph: onnx.GraphProto, pictures: dict[str, str]) -> dict[str, str]:
    """Find the sizes of pictures and their multiples, each with its picture."""
    factors = {tensor.name for tensor in graph.initializer if _is_factor(tensor)}
    found = dict(pictures)
    for node in graph.node:  # in order of execution
        if node.op_type == "Mul" and node.input[0] in found and node.input[1] in factors:
            found[node.output[0]] = found[node.input[0]]
    return found


def _is_factor(tensor: onnx.TensorProto) -> bool:
    values = onnx.numpy_helper.to_array(tensor) if tensor.data_type == onnx.TensorProto.INT64 else None
    return values is not None and values.size == 1 and int(values.flat[0]) > 0


def _used(graph: onnx.GraphProto) -> set[str]:
    return {name for node in graph.node for name in node.input} | {value.name for value in graph.output}


def _is_size(node: onnx.NodeProto) -> bool:
    bounds = {attribute.name: attribute.i for attribute in node.attribute}
    return node.op_type == "Shape" and node.domain == "" and bounds == {"start": 2, "end": 4}
