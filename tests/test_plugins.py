"""The TensorRT plugins, built here and driven by the plugin host, and that they are the operators of the ONNX files."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from conftest import ROOT
from native_build import build_emulated_plugins, find_headers, run
from numpy.typing import NDArray
from operator_cases import Case, random_mask_cases, random_pixel_cases, window_layer_case
from operator_reference import reference

from amsr_deploy.export.functions import FUNCTIONS
from amsr_deploy.system.processor import usable_cores

BUILD = ROOT / "build" / "plugins"
TYPES = {onnx.AttributeProto.INT: "int", onnx.AttributeProto.FLOAT: "float"}


def find_nvcc() -> str | None:
    return shutil.which(os.environ.get("CUDACXX", "nvcc")) or shutil.which("/usr/local/cuda/bin/nvcc")


@pytest.fixture(scope="module")
def host() -> list[str]:
    """The plugin host and the library of plugins, built for one architecture."""
    headers, nvcc, cmake = find_headers(), find_nvcc(), shutil.which("cmake")
    if headers is None:
        pytest.skip("TensorRT's headers are not here: set TENSORRT_INCLUDE_DIR (.ci/fetch-tensorrt-headers gets them)")
    if nvcc is None or cmake is None:
        pytest.skip("nvcc or CMake is not here: the plugins are built with a CUDA toolkit and CMake")
    options = dict.fromkeys(("AMSR_TESTS", "AMSR_CUDA", "AMSR_TENSORRT", "AMSR_WERROR"), "ON") | {
        "CMAKE_CUDA_COMPILER": nvcc,
        "CMAKE_CUDA_ARCHITECTURES": os.environ.get("CUDAARCHS", "90-real"),
        "TENSORRT_INCLUDE_DIR": str(headers),
        "CMAKE_BUILD_TYPE": "Release",
    }
    definitions = [f"-D{name}={value}" for name, value in options.items()]
    run(cmake, "-S", ROOT / "plugins", "-B", BUILD, *definitions)
    run(cmake, "--build", BUILD, "--parallel", usable_cores(), "--target", "amsr_tensorrt", "amsr_plugin_host")
    return [str(BUILD / "tests/plugin_host/amsr_plugin_host"), str(BUILD / "tensorrt/libamsr_tensorrt.so")]


@pytest.fixture(scope="module")
def emulated_host() -> list[str]:
    """The plugin host and the library of plugins over the emulation of a GPU, which need no CUDA toolkit."""
    library = build_emulated_plugins("amsr_plugin_host_emulated")
    return [str(library.with_name("amsr_plugin_host_emulated")), str(library)]


@pytest.fixture(scope="module")
def plugins(host: list[str]) -> dict[str, dict[str, Any]]:
    """Name of the operator -> what its plugin says about itself."""
    return {plugin["name"]: plugin for plugin in json.loads(run(*host, "--list"))}


@pytest.fixture(scope="module")
def said(host: list[str]) -> str:
    """What the host says after all its checks; it fails where one does not hold."""
    return run(*host)


def test_plugins_do_what_tensorrt_asks(said: str) -> None:
    assert "everything up to execution is as it should be" in said


def test_results_on_the_gpu_are_those_of_the_definition(said: str) -> None:
    if skipped := re.search(r"^SKIPPED.*$", said, re.MULTILINE):
        pytest.skip(skipped[0])
    assert re.search(r"^EXECUTED \d+ scenarios on a GPU: all results are those of the definition$", said, re.MULTILINE)


IN_PLACE = {"MaskScatter": 1, "WindowLayer": 0}


def operator_cases() -> list[Case]:
    """Cases of every operator with values that float16 holds, on empty, full and other masks."""
    random = np.random.default_rng(0)
    cases: list[Case] = []
    for density in (0.0, 0.5, 1.0):
        cases += random_mask_cases(height=5, width=7, channels=8, group=2, density=density, seed=1)
    for upscale in (1, 2):
        cases += random_pixel_cases(random, 4, 6, inputs=8, outputs=8 * upscale**2, group=2, upscale=upscale)
    for windows, shift in (([], 0), ([1, 3], 2), ([0, 1, 2, 3], 0)):
        chosen = np.array(windows, dtype=np.int64)
        cases.append(window_layer_case(random, chosen, (2, 2), 12, 20, heads=2, window_size=4, shift=shift))
    return [
        Case(case.operator, {name: rounded(x) for name, x in case.inputs.items()}, case.attributes) for case in cases
    ]


def rounded(values: NDArray) -> NDArray:
    return values.astype(np.float16).astype(np.float32) if values.dtype == np.float32 else values


def write_array(name: str, values: NDArray) -> str:
    kind = "value" if values.dtype == np.float32 else values.dtype.name
    numbers = (values.ndim, *values.shape, *(repr(number) for number in values.ravel().tolist()))
    return " ".join(map(str, (kind, name, *numbers)))


def write_case(number: int, case: Case) -> str:
    height, width = case.inputs["size"].tolist() if "size" in case.inputs else (0, 0)
    lines = [f"case {number} {case.operator} {IN_PLACE.get(case.operator, -1)} {height} {width}"]
    lines += [f"{type(value).__name__} {name} {value!r}" for name, value in case.attributes.items()]
    lines += [write_array(name, values) for name, values in case.inputs.items()]
    return "\n".join([*lines, "output " + write_array("out", reference(case)), ""])


def write_cases(folder: Path) -> Path:
    cases = operator_cases()
    assert {case.operator for case in cases} == FUNCTIONS.keys()
    path = folder / "cases.txt"
    path.write_text("".join(write_case(number, case) for number, case in enumerate(cases)))
    return path


def test_emulated_plugins_give_what_the_reference_gives(emulated_host: list[str], tmp_path: Path) -> None:
    said = run(*emulated_host, "--cases", write_cases(tmp_path))
    assert re.search(r"^EXECUTED \d+ scenarios on an EMULATED GPU", said, re.MULTILINE)


def test_plugins_give_on_a_gpu_what_the_reference_gives(host: list[str], tmp_path: Path) -> None:
    said = run(*host, "--cases", write_cases(tmp_path))
    if skipped := re.search(r"^SKIPPED.*$", said, re.MULTILINE):
        pytest.skip(skipped[0])
    assert re.search(r"^EXECUTED \d+ scenarios on a GPU", said, re.MULTILINE)


def test_library_exports_what_tensorrt_looks_for_and_nothing_else(host: list[str]) -> None:
    nm = shutil.which("nm")
    if nm is None:
        pytest.skip("nm is not here")
    symbols = {line.split()[-1] for line in run(nm, "--dynamic", "--defined-only", host[1]).splitlines()}
    assert symbols == {"getCreators", "setLoggerFinder", "amsrSetErrorSink"}


def test_library_does_not_need_tensorrt_or_cuda_libraries(host: list[str]) -> None:
    readelf = shutil.which("readelf")
    if readelf is None:
        pytest.skip("readelf is not here")
    needed = re.findall(r"NEEDED.*\[(.*)\]", run(readelf, "--dynamic", host[1]))
    assert needed
    assert not [name for name in needed if "nvinfer" in name or "cuda" in name]


def test_every_operator_has_its_plugin(plugins: dict[str, dict[str, Any]]) -> None:
    assert plugins.keys() == FUNCTIONS.keys()
    assert {(plugin["namespace"], plugin["version"]) for plugin in plugins.values()} == {("amsr", "1")}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_plugin_has_the_inputs_of_the_function(name: str, plugins: dict[str, dict[str, Any]]) -> None:
    signature = f"{name}({', '.join(FUNCTIONS[name].to_function_proto().input)})"
    assert plugins[name]["default"].split(") ")[0] + ")" == signature


@pytest.mark.parametrize("name", FUNCTIONS)
def test_plugin_has_the_attributes_of_the_function(name: str, plugins: dict[str, dict[str, Any]]) -> None:
    attributes = FUNCTIONS[name].to_function_proto().attribute_proto
    in_place = ["in_place"] if name in IN_PLACE else []
    types = {attribute.name: TYPES[attribute.type] for attribute in attributes} | dict.fromkeys(in_place, "int")
    assert plugins[name]["fields"] == types
    values = dict(re.findall(r"(\w+)=(\S+)", plugins[name]["default"]))
    expected = {attribute.name: onnx.helper.get_attribute_value(attribute) for attribute in attributes}
    expected |= dict.fromkeys(in_place, 0)
    assert {key: float(value) for key, value in values.items()} == pytest.approx(expected)
