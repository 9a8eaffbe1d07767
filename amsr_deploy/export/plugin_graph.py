"""What the TensorRT plugins of the `amsr` operators would have otherwise than the operators' definition."""

from __future__ import annotations

import onnx

_DOMAIN = "amsr"  # amsr_deploy.models.operators would import torch, which a machine that builds engines need not have


def show_pictures(model: onnx.ModelProto) -> None:
    """Give the `amsr` nodes of a graph, in place, a picture where they have its size as two numbers.

    Plugins find their inputs in GPU memory, and would have to wait for the GPU to learn two numbers; the shape of a
    tensor they know before anything runs. So `Shape(picture, start=2, end=4)` is left out, and the picture
    [N, C, H, W] becomes the input `size` itself; its values are never read. This is done for inputs of the network
    only: other tensors would stay in memory for their shape. Such a graph is for the plugins only.
    """
    graph = model.graph
    inputs = {value.name for value in graph.input}
    pictures = {node.output[0]: node.input[0] for node in graph.node if _is_size(node) and node.input[0] in inputs}
    for node in graph.node:
        if node.domain == _DOMAIN:
            node.input[:] = [pictures.get(name, name) for name in node.input]
    used = {name for node in graph.node for name in node.input} | {value.name for value in graph.output}
    for node in [node for node in graph.node if _is_size(node) and node.output[0] not in used]:
        graph.node.remove(node)


def _is_size(node: onnx.NodeProto) -> bool:
    bounds = {attribute.name: attribute.i for attribute in node.attribute}
    return node.op_type == "Shape" and node.domain == "" and bounds == {"start": 2, "end": 4}
