"""float32 ONNX -> float16."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from amsr_deploy import models
from amsr_deploy.descriptor import BACKBONES
from amsr_deploy.engine.half import to_half
from amsr_deploy.errors import ModelError
from amsr_deploy.export.onnx import export_onnx
from amsr_deploy.export.verify import TOLERANCE
from amsr_deploy.runtime.shipped import shipped_model


def run(model: onnx.ModelProto, inputs: dict[str, np.ndarray]) -> np.ndarray:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(["sr"], inputs)[0]


def exported(name: str, folder: Path) -> Path:
    """A masked model with random weights."""
    torch.manual_seed(0)
    export_onnx(models.create(name), folder / "model.onnx")
    return folder / "model.onnx"


def assert_computes_in_half(path: Path) -> None:
    model = onnx.load(path)
    half = to_half(model)
    onnx.checker.check_model(half, full_check=True)
    assert half.ByteSize() < 0.7 * model.ByteSize()
    floats = {tensor.name for tensor in half.graph.initializer if tensor.data_type == TensorProto.FLOAT}
    assert {node.op_type for node in half.graph.node if floats & set(node.input)} <= {"Resize"}

    random = np.random.default_rng(0)
    inputs = {"image": random.random((1, 3, 24, 32), dtype=np.float32)}
    inputs |= {value.name: np.arange(0, 12, 2) for value in model.graph.input[1:]}
    expected, actual = run(model, inputs), run(half, inputs)
    assert actual.dtype == np.float32
    assert 0 < np.abs(actual - expected).max() < TOLERANCE["float16"]


@pytest.mark.parametrize("dense", [False, True])
@pytest.mark.parametrize("name", ["fsrcnn", "carn"])
def test_shipped_models_compute_in_half_precision(name: str, dense: bool) -> None:
    assert_computes_in_half(shipped_model(name, dense=dense))


@pytest.mark.slow
@pytest.mark.parametrize("name", BACKBONES)
def test_new_exports_compute_in_half_precision(name: str, tmp_path: Path) -> None:
    assert_computes_in_half(exported(name, tmp_path))


def small_model(weight: float) -> onnx.ModelProto:
    """A picture times a weight, resized by scales that share their values with another weight."""
    values = np.array([1, 1, 4, 4], dtype=np.float32)
    nodes = [
        helper.make_node("Mul", ["image", "weight"], ["product"]),
        helper.make_node("Resize", ["product", "", "scales"], ["large"], mode="nearest"),
        helper.make_node("ReduceMax", ["scales"], ["four"]),
        helper.make_node("Div", ["large", "four"], ["sr"]),
    ]
    tensors = [
        numpy_helper.from_array(np.array(weight, np.float32), "weight"),
        numpy_helper.from_array(values, "scales"),
    ]
    shape = [1, 3, "height", "width"]
    image, sr = (helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in ("image", "sr"))
    graph = helper.make_graph(nodes, "small", [image], [sr], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def test_what_is_float_by_definition_stays() -> None:
    image = np.random.default_rng(0).random((1, 3, 4, 5), dtype=np.float32)
    half = to_half(small_model(0.5))
    np.testing.assert_allclose(run(half, {"image": image}), image.repeat(4, 2).repeat(4, 3) / 8, atol=1e-3)


def test_the_model_that_is_converted_stays_as_it_is() -> None:
    model = small_model(0.5)
    before = model.SerializeToString()
    to_half(model)
    assert model.SerializeToString() == before


def test_weights_too_large_are_an_error() -> None:
    with pytest.raises(ModelError, match=r"weight weight reaches 70000, more than float16 holds .*without `fp16`"):
        to_half(small_model(70_000))


def test_weights_too_small_are_rounded_as_all_are() -> None:
    half = to_half(small_model(2e-8))
    assert {tensor.name: numpy_helper.to_array(tensor).max() for tensor in half.graph.initializer}["weight"] == 0


def test_constants_too_large_are_an_error() -> None:
    model = small_model(0.5)
    constant = numpy_helper.from_array(np.array(70_000, np.float32), "large")
    model.graph.node.insert(0, helper.make_node("Constant", [], ["unused"], value=constant))
    with pytest.raises(ModelError, match="weight large reaches 70000"):
        to_half(model)


def test_sizes_are_those_of_the_input_itself() -> None:
    """`pass_image_for_size` needs it."""
    model = small_model(0.5)
    model.graph.node.insert(0, helper.make_node("Shape", ["image"], ["size"]))
    assert {tuple(node.input) for node in to_half(model).graph.node if node.op_type == "Shape"} == {("image",)}
