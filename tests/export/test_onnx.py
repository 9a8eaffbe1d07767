"""Exported files: what they compute, what they hold, what they say about themselves."""

from __future__ import annotations

import copy
import json
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from export_cases import Exports, kinds_first, random_network
from numpy.typing import NDArray
from onnx import TensorProto

from amsr_deploy import models, native
from amsr_deploy.descriptor import BACKBONES
from amsr_deploy.errors import BackendError, ModelError, UserError
from amsr_deploy.export import verify
from amsr_deploy.export.functions import define
from amsr_deploy.export.onnx import digest, export_onnx
from amsr_deploy.metadata import Metadata, Precision
from amsr_deploy.model_file import read_metadata
from amsr_deploy.models import Network

pytestmark = pytest.mark.usefixtures("one_registry")

needs_native = pytest.mark.skipif(native.library_path() is None, reason="no native operators")
EXPORTS = [(name, masked) for name in BACKBONES for masked in (True, False)]


@pytest.fixture(scope="module", params=EXPORTS, ids=lambda case: f"{case[0]}-{'masked' if case[1] else 'dense'}")
def case(request: pytest.FixtureRequest, exports: Exports) -> tuple[str, bool, Path, float]:
    """Backbone, masked or dense, an export of it with random weights, its difference to PyTorch."""
    name, masked = request.param
    path = exports(name, masked)
    return name, masked, path, exports.differences[path]


def test_export_equals_pytorch(case: tuple[str, bool, Path, float]) -> None:
    assert case[3] < 1e-4


def test_interface_is_dynamic(case: tuple[str, bool, Path, float]) -> None:
    name, masked, path, _ = case
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    shapes = {value.name: value.shape for value in session.get_inputs()}
    selections = {"swinir": {"windows", "shifted_windows"}}.get(name, {"index"}) if masked else set()
    assert set(shapes) == {"image"} | selections
    assert shapes["image"][:2] == [1, 3]
    assert all(isinstance(side, str) for side in shapes["image"][2:])
    assert {value.type for value in session.get_inputs()} <= {"tensor(float)", "tensor(int64)"}
    assert [value.name for value in session.get_outputs()] == ["sr"]


def test_graph_is_clean(case: tuple[str, bool, Path, float]) -> None:
    name, _, path, _ = case
    model = onnx.load(path)
    constants = {tensor.name for tensor in model.graph.initializer}
    produced = Counter(node.op_type for node in model.graph.node)
    assert not produced.keys() & {"Constant", "Identity", "If", "Loop", "SequenceAt"}
    for node in model.graph.node:
        assert not node.input or not set(node.input) <= constants, f"{node.name} computes a constant"
    weighty = [tensor for tensor in model.graph.initializer if np.prod(tensor.dims) > 16]
    values = {(*tensor.dims, onnx.numpy_helper.to_array(tensor).tobytes()) for tensor in weighty}
    assert len(values) == len(weighty), "a weight is stored twice"
    weights = sum(parameter.numel() for parameter in random_network(name).parameters())
    tables = 4 * 64 * 64 * 6 if name == "swinir" else 0  # relative position biases, spread out once
    stored = sum(onnx.numpy_helper.to_array(tensor).size for tensor in model.graph.initializer)
    assert stored <= weights + tables + 20_000


def test_functions_travel_with_the_operators(case: tuple[str, bool, Path, float]) -> None:
    _, masked, path, _ = case
    model = onnx.load(path)
    custom = [node for node in model.graph.node if node.domain == "amsr"]
    assert bool(custom) == masked
    assert list(model.functions) == define({node.op_type for node in custom})
    for node in custom:
        attributes = {attribute.name: onnx.helper.get_attribute_value(attribute) for attribute in node.attribute}
        assert attributes["plugin_namespace"] == b"amsr"
        assert attributes["plugin_version"] == b"1"


def test_metadata_describes_the_model(case: tuple[str, bool, Path, float]) -> None:
    name, masked, path, _ = case
    metadata = Metadata.from_properties({entry.key: entry.value for entry in onnx.load(path).metadata_props})
    assert (metadata.backbone, metadata.masked, metadata.scale) == (name, masked, 4)
    assert metadata.weights_sha256 == digest(random_network(name))
    assert metadata.dilation == BACKBONES[name].dilation
    assert metadata.tools["torch"] == torch.__version__
    assert Metadata.from_properties(metadata.to_properties()) == metadata


@pytest.mark.parametrize(("precision", "most"), [("float16", 2e-2), pytest.param("bfloat16", 1e-1, marks=needs_native)])
@pytest.mark.parametrize("name", kinds_first(BACKBONES))
def test_half_precision_keeps_float32_outside(name: str, precision: Precision, most: float, exports: Exports) -> None:
    path = exports(name, precision=precision)
    assert 0 < exports.differences[path] < most
    model = onnx.load(path)
    types = {value.type.tensor_type.elem_type for value in [model.graph.input[0], *model.graph.output]}
    assert types == {TensorProto.FLOAT}
    weights = [tensor for tensor in model.graph.initializer if np.prod(tensor.dims) > 100]
    layer = models.create(name).picture_layer if precision == "bfloat16" else None
    in_float32 = [tuple(tensor.dims) for tensor in weights if tensor.data_type == TensorProto.FLOAT]
    assert in_float32 == ([] if layer is None else [layer.weight.shape])
    halves = {tensor.data_type for tensor in weights} - {TensorProto.BOOL, TensorProto.FLOAT}
    assert halves == {getattr(TensorProto, precision.upper())}
    assert Metadata.from_properties({e.key: e.value for e in model.metadata_props}).precision == precision


CNNS = [name for name, descriptor in BACKBONES.items() if descriptor.body == "pixels"]


@pytest.mark.parametrize("name", ["disp", "swinir"])
@needs_native
def test_bfloat16_without_native_kernels_is_refused(
    name: str, exports: Exports, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = exports(name, precision="bfloat16")
    monkeypatch.setattr(native, "library_path", lambda: None)
    with pytest.raises(BackendError, match="needs the native kernels"):
        verify.verify(path, random_network(name))


def test_bfloat16_needs_a_mask(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="use float16 or float32 for a network without a mask"):
        export_onnx(models.create("carn"), tmp_path / "dense.onnx", masked=False, precision="bfloat16")


def test_masked_swinir_computes_windows_in_place(exports: Exports) -> None:
    """A layer is one node and alone reads its pixels, but for the first of a block: the shortcut reads them too."""
    nodes = onnx.load(exports("swinir")).graph.node
    readers = Counter(name for node in nodes for name in node.input)
    layers = [node for node in nodes if node.op_type == "WindowLayer"]
    assert len(layers) == 4
    assert [readers[layer.input[0]] for layer in layers] == [2, 1] * 2
    assert not {"MatMul", "Softmax", "Gather", "Conv", "DepthToSpace"} & {node.op_type for node in nodes}


@pytest.mark.parametrize("name", CNNS)
def test_masked_cnns_move_nothing_but_the_picture(name: str, exports: Exports) -> None:
    """Features are neither transposed, concatenated nor reordered, and activated where they are computed."""
    nodes = Counter(node.op_type for node in onnx.load(exports(name)).graph.node)
    moving = {"DepthToSpace", "LeakyRelu", "Relu", "PRelu", "Conv", "ConvTranspose", "MatMul", "Gemm"}
    assert not moving & nodes.keys()
    assert nodes["Transpose"] == 2
    assert nodes["Concat"] <= 1  # of the output's size


def test_export_that_differs_fails_and_writes_nothing(
    tmp_path: Path, exports: Exports, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = onnx.load(exports("fsrcnn"))
    monkeypatch.setattr("amsr_deploy.export.onnx.make_model", lambda *_: model)
    monkeypatch.setitem(verify.TOLERANCE, "float32", 1e-12)
    monkeypatch.setattr(verify, "ROUNDINGS", 0.0)
    path = tmp_path / "fsrcnn.onnx"
    path.write_text("an older file")
    with pytest.raises(ModelError, match="differs from PyTorch"):
        export_onnx(random_network("fsrcnn"), path)
    assert path.read_text() == "an older file"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("change", "message"), [(1e-2, "differs from PyTorch"), (float("nan"), "output sr of the network holds NaN")]
)
def test_a_model_of_other_weights_is_refused(change: float, message: str, exports: Exports) -> None:
    network = random_network("fsrcnn")
    with torch.no_grad():
        network.get_parameter("tail_conv.bias")[0] += change
    with pytest.raises(ModelError, match=message):
        verify.verify(exports("fsrcnn"), network)


def off_by(path: Path, network: Network, difference: float, roundings: float) -> SimpleNamespace:
    """A backend of the network in float64, off by a share of the range and by some times PyTorch's own rounding."""
    double = copy.deepcopy(network).double()

    def run(image: NDArray[np.float32], _: object) -> NDArray[np.float64]:
        picture = torch.from_numpy(image)
        exact = verify.compute(double, picture.double())
        rounding = verify.compute(network, picture) - exact
        return exact + difference * max(1, np.abs(exact).max()) + roundings * rounding

    return SimpleNamespace(metadata=read_metadata(path), run=run)


@pytest.mark.parametrize(
    ("fixed", "limit"),
    [
        pytest.param(("ROUNDINGS", 0.0), {"difference": 1e-4, "roundings": 0}, id="tolerance"),
        pytest.param(("TOLERANCE", {"float32": 0.0}), {"difference": 0, "roundings": 4}, id="roundings"),
    ],
)
def test_a_model_may_differ_up_to_the_limit(
    fixed: tuple[str, Any], limit: dict[str, float], exports: Exports, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, network = exports("fsrcnn", masked=False), random_network("fsrcnn").eval()
    monkeypatch.setattr(verify, *fixed)

    def check(share: float) -> float:
        backend = off_by(path, network, **{name: share * value for name, value in limit.items()})
        monkeypatch.setattr(verify, "OnnxRuntimeBackend", lambda *_: backend)
        return verify.verify(path, network)

    assert check(0.99) > 0
    with pytest.raises(ModelError, match="differs from PyTorch"):
        check(1.01)


@pytest.mark.parametrize("properties", [{}, {"amsr.backbone": "no json"}, {"amsr.backbone": json.dumps("carn")}])
def test_foreign_metadata_is_refused(properties: dict[str, str]) -> None:
    with pytest.raises(ModelError, match="not a model of amsr-deploy"):
        Metadata.from_properties(properties)
