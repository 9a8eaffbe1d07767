"""Builds of the C++ code for tests."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

from amsr_deploy.system.processor import usable_cores

EMULATION = ROOT / "build" / "emulation"
"""Where the CUDA kernels are built over an emulation of the GPU, for all tests that run them."""


def run(*command: object) -> str:
    """Run a program that must succeed; its output."""
    result = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    assert result.returncode == 0, f"{command[0]}:\n{result.stdout[-4000:]}\n{result.stderr[-4000:]}"
    return result.stdout


def find_headers() -> Path | None:
    """The folder of TensorRT's headers: TENSORRT_INCLUDE_DIR, else that of `make test` or where packages put them."""
    named = os.environ.get("TENSORRT_INCLUDE_DIR")
    fetched = ROOT / "build/tensorrt-headers/kernel_lens/include/tensorrt"
    usual = ("/usr/include", f"/usr/include/{platform.machine()}-linux-gnu", "/usr/local/tensorrt/include")
    folders = [Path(named)] if named else [fetched, *map(Path, usual)]
    return next((folder for folder in folders if (folder / "NvInferRuntime.h").is_file()), None)


def build_emulation(cmake: str, *targets: str, **definitions: object) -> None:
    """Build targets in EMULATION, optimized as little as serves tests that run for seconds."""
    options = {"AMSR_TESTS": "ON", "CMAKE_BUILD_TYPE": "Debug", "CMAKE_CXX_FLAGS_DEBUG": "-O1", **definitions}
    run(cmake, "-S", ROOT / "plugins", "-B", EMULATION, *(f"-D{name}={value}" for name, value in options.items()))
    run(cmake, "--build", EMULATION, "--parallel", usable_cores(), "--target", *targets)


def build_emulated_plugins(*more: str) -> Path:
    """Build the TensorRT plugins over the emulation of a GPU, which needs no CUDA toolkit, and more targets beside."""
    headers, cmake = find_headers(), shutil.which("cmake")
    if headers is None:
        pytest.skip("TensorRT's headers are not here: set TENSORRT_INCLUDE_DIR (.ci/fetch-tensorrt-headers gets them)")
    if cmake is None or shutil.which(os.environ.get("CXX", "c++")) is None or sys.platform == "win32":
        pytest.skip("the emulated plugins are built with CMake and a C++ compiler, where there are POSIX contexts")
    build_emulation(cmake, "amsr_tensorrt_emulated", *more, TENSORRT_INCLUDE_DIR=headers)
    return EMULATION / "tests/plugin_host/libamsr_tensorrt_emulated.so"
