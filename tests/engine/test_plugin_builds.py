"""Plugins in engines of TensorRT's own parser and builder: those of TensorRT for RTX, which need no GPU."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.numpy_helper
import pytest
from native_build import build_emulated_plugins

from amsr_deploy.descriptor import BACKBONES
from amsr_deploy.engine.shapes import make_profile, make_sizes
from amsr_deploy.export.functions import FUNCTIONS
from amsr_deploy.model_file import read_metadata
from amsr_deploy.runtime.shipped import shipped_model, shipped_scales

NETWORKS = [name for name in BACKBONES if shipped_scales(name)]
MODEL = shipped_model("fsrcnn")
Change = Callable[[onnx.NodeProto, dict[str, onnx.TensorProto]], None]


def node_of(model: onnx.ModelProto, operator: str) -> onnx.NodeProto:
    return next(node for node in model.graph.node if node.op_type == operator)


def with_other_weights(convolution: onnx.NodeProto, weights: dict[str, onnx.TensorProto]) -> None:
    other = onnx.numpy_helper.from_array(np.zeros((12, 10, 3, 3), np.float32), convolution.input[3])
    weights[convolution.input[3]].CopyFrom(other)


def without_bias(convolution: onnx.NodeProto, _: dict[str, onnx.TensorProto]) -> None:
    del convolution.input[4:]


def with_its_bias_as_weights(convolution: onnx.NodeProto, _: dict[str, onnx.TensorProto]) -> None:
    convolution.input[3] = convolution.input[4]


def as_an_unknown_operator(convolution: onnx.NodeProto, _: dict[str, onnx.TensorProto]) -> None:
    convolution.op_type = "MaskErode"


def with_an_even_kernel(neighbors: onnx.NodeProto, _: dict[str, onnx.TensorProto]) -> None:
    neighbors.attribute[0].i = 2


def as_attention(convolution: onnx.NodeProto, _: dict[str, onnx.TensorProto]) -> None:
    """SPAN's operator, of which no weights ship."""
    convolution.op_type = "MaskedConv2dAttention"
    convolution.input.append(convolution.input[0])


REFUSED: dict[Change, tuple[str, str]] = {
    with_other_weights: (
        "MaskedConv2d",
        "cannot build the engine: amsr MaskedConv2d: axis 1 of weight (Ci/group) is 10, not 12",
    ),
    without_bias: ("MaskedConv2d", "amsr MaskedConv2d: there are 4 inputs to MaskedConv2d(rows, surround"),
    with_its_bias_as_weights: ("MaskedConv2d", "amsr MaskedConv2d: weight has 1 axes, not 4"),
    as_an_unknown_operator: (
        "MaskedConv2d",
        'cannot parse the model: MaskErode node body_conv.1: creator && "Plugin not',
    ),
    with_an_even_kernel: (
        "MaskNeighbors",
        "cannot parse the model: MaskNeighbors node MaskNeighbors: amsr MaskNeighbors",
    ),
}
"""Changes of a node that the plugins or the parser refuse: its operator, and the words of the error."""


class Cases:
    """Engines that are to be built, by name."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.all: dict[str, dict[str, Any]] = {}

    def add(self, name: str, model: Path, half: bool = False, in_place: bool = True, **profile: Any) -> None:
        metadata = read_metadata(model)
        whole = make_profile(metadata, make_sizes(None, None, (64, 96), metadata)) | profile
        self.all[name] = {"model": str(model), "half": half, "in_place": in_place, "profile": whole}

    def add_changed(self, change: Change, operator: str) -> None:
        model, path = onnx.load(MODEL), self.folder / f"{change.__name__}.onnx"
        change(node_of(model, operator), {weight.name: weight for weight in model.graph.initializer})
        onnx.save(model, path)
        self.add(change.__name__, path)


def make_cases(folder: Path) -> dict[str, dict[str, Any]]:
    cases = Cases(folder)
    for network in NETWORKS:
        for half in (False, True):
            for in_place in (False, True):
                cases.add(f"{network} {half} {in_place}", shipped_model(network), half, in_place)
    cases.add("nothing masked", MODEL, index=((0,), (0,), (0,)))
    cases.add("one size", MODEL, image=((1, 3, 64, 96),) * 3, index=((2000,),) * 3)
    cases.add("no pixels", MODEL, image=((1, 3, 0, 0),) * 3, index=((0,), (0,), (0,)))
    cases.add_changed(as_attention, "MaskedConv2d")
    for change, (operator, _) in REFUSED.items():
        cases.add_changed(change, operator)
    return cases.all


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What becomes of each case, and what was loaded, as `build_with_plugins.py` prints it."""
    libraries = importlib.util.find_spec("tensorrt_rtx_libs")
    if sys.platform != "linux" or libraries is None or not libraries.submodule_search_locations:
        pytest.skip("TensorRT for RTX is not here: its wheels for Linux are in the extra tensorrt-rtx")
    plugins, folder = build_emulated_plugins(), tmp_path_factory.mktemp("plugin_builds")
    (builder,) = Path(libraries.submodule_search_locations[0]).glob("libtensorrt_rtx.so.*")
    (folder / "libtensorrt_rtx.so").symlink_to(builder)  # the name that its parser opens once there are plugins
    cases = make_cases(folder)
    program = subprocess.run(
        [sys.executable, Path(__file__).with_name("build_with_plugins.py")],
        input=json.dumps(list(cases.values())),
        env=os.environ | {"LD_LIBRARY_PATH": str(folder), "AMSR_TENSORRT_PLUGINS": str(plugins)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert program.returncode == 0, program.stderr
    assert "amsr " not in program.stderr, "a plugin's error went past the log"
    lines = map(json.loads, program.stdout.splitlines())
    return dict(zip(["plugins", *cases], lines, strict=True))


def assert_built(outcome: dict[str, Any], library: Path) -> None:
    assert "error" not in outcome, outcome["error"]
    assert outcome["plugins"] == len(outcome["nodes"]) > 0
    assert outcome["warnings"] == []
    assert outcome["bytes"] > library.stat().st_size, "the engine carries its plugins"


@pytest.fixture
def library(outcomes: dict[str, dict[str, Any]]) -> Path:
    return Path(outcomes["plugins"]["library"])


@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("network", NETWORKS)
def test_every_network_builds(
    network: str, half: bool, in_place: bool, outcomes: dict[str, dict[str, Any]], library: Path
) -> None:
    assert_built(outcomes[f"{network} {half} {in_place}"], library)


@pytest.mark.parametrize("name", ["nothing masked", "one size", "as_attention"])
def test_other_engines_build(name: str, outcomes: dict[str, dict[str, Any]], library: Path) -> None:
    assert_built(outcomes[name], library)


def test_every_operator_was_in_an_engine(outcomes: dict[str, dict[str, Any]]) -> None:
    assert set(outcomes["plugins"]["operators"]) == FUNCTIONS.keys()
    assert {
        node for outcome in outcomes.values() if "bytes" in outcome for node in outcome["nodes"]
    } == FUNCTIONS.keys()


@pytest.mark.parametrize("change", REFUSED, ids=lambda change: change.__name__)
def test_what_plugins_refuse_is_told_in_their_words(change: Change, outcomes: dict[str, dict[str, Any]]) -> None:
    assert REFUSED[change][1] in outcomes[change.__name__]["error"]


def test_pictures_without_pixels_are_refused(outcomes: dict[str, dict[str, Any]]) -> None:
    assert "cannot build the engine: IBuilder" in outcomes["no pixels"]["error"]
