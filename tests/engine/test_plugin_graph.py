"""Graphs for the plugins: sizes become pictures, and nothing else changes."""

from __future__ import annotations

import numpy as np
import onnx
import onnx.numpy_helper
import pytest
from export_cases import Exports, kinds_first
from onnx import TensorProto, helper

from amsr_deploy.descriptor import BACKBONES
from amsr_deploy.engine.plugin_graph import choose_in_place, pass_image_for_size
from amsr_deploy.export.functions import FUNCTIONS


def model_with(*nodes: onnx.NodeProto) -> onnx.ModelProto:
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, "H", "W"])
    index = helper.make_tensor_value_info("index", TensorProto.INT64, ["Q"])
    outputs = [helper.make_tensor_value_info(node.output[0], TensorProto.INT32, None) for node in nodes[1:]]
    return helper.make_model(helper.make_graph(nodes, "graph", [image, index], outputs))


def size(start: int = 2, end: int = 4) -> onnx.NodeProto:
    return helper.make_node("Shape", ["image"], ["size"], start=start, end=end)


def neighbors() -> onnx.NodeProto:
    return helper.make_node("MaskNeighbors", ["index", "size"], ["neighbors"], domain="amsr", kernel_size=3)


def test_a_picture_takes_the_place_of_its_size() -> None:
    model = model_with(size(), neighbors())
    pass_image_for_size(model)
    (node,) = model.graph.node
    assert list(node.input) == ["index", "image"]


def test_a_size_that_others_need_stays() -> None:
    model = model_with(size(), neighbors(), helper.make_node("ReduceProd", ["size"], ["pixels"]))
    pass_image_for_size(model)
    shape, masked, product = model.graph.node
    assert (shape.op_type, list(masked.input), list(product.input)) == ("Shape", ["index", "image"], ["size"])


def test_another_shape_is_no_size() -> None:
    model = model_with(size(start=1, end=3), neighbors())
    expected = model.SerializeToString()
    pass_image_for_size(model)
    assert model.SerializeToString() == expected


def test_the_size_of_a_feature_map_stays() -> None:
    features = helper.make_node("Relu", ["image"], ["features"])
    shape = helper.make_node("Shape", ["features"], ["size"], start=2, end=4)
    model = model_with(features, shape, neighbors())
    pass_image_for_size(model)
    assert [list(node.input) for node in model.graph.node] == [["image"], ["features"], ["index", "size"]]


def test_upscaled_pixels_have_the_picture_too_and_masks_do_not() -> None:
    twice = helper.make_node("Mul", ["size", "two"], ["twice"])
    pixels = helper.make_node(
        "PixelConv2d", ["pixels", "twice", "weight", "bias"], ["out"], domain="amsr", kernel_size=3
    )
    masked = helper.make_node("MaskNeighbors", ["index", "twice"], ["neighbors"], domain="amsr", kernel_size=3)
    model = model_with(size(), twice, pixels, masked)
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.int64(2), "two"))
    pass_image_for_size(model)
    assert [list(node.input)[:2] for node in model.graph.node] == [
        ["image"],
        ["size", "two"],
        ["pixels", "image"],
        ["index", "twice"],
    ]


@pytest.mark.parametrize("backbone", kinds_first(BACKBONES))
def test_every_size_of_an_exported_network_becomes_its_picture(backbone: str, exports: Exports) -> None:
    model = onnx.load(exports(backbone))
    pass_image_for_size(model)
    inputs = {name: list(function.to_function_proto().input) for name, function in FUNCTIONS.items()}
    nodes = [node for node in model.graph.node if node.domain == "amsr" and "size" in inputs[node.op_type]]
    assert nodes
    assert {node.input[inputs[node.op_type].index("size")] for node in nodes} == {"image"}


def scatter(pixels: str, out: str) -> onnx.NodeProto:
    return helper.make_node("MaskScatter", ["rows", pixels, "index"], [out], domain="amsr")


@pytest.mark.parametrize("allowed", [False, True])
def test_plugins_write_over_what_no_later_node_reads(allowed: bool) -> None:
    before = helper.make_node("Relu", ["features"], ["rows"])
    after = helper.make_node("Add", ["kept", "written"], ["sum"])
    model = model_with(size(), before, scatter("features", "kept"), scatter("kept", "written"), after)
    choose_in_place(model, allowed)
    assert [[(x.name, x.i) for x in node.attribute] for node in model.graph.node[2:]] == [
        [("in_place", int(allowed))],
        [("in_place", 0)],
        [],
    ]
