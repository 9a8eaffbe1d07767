"""Builds of the C++ code for tests."""

from __future__ import annotations

import subprocess

from conftest import ROOT

EMULATION = ROOT / "build" / "emulation"
"""Where the CUDA kernels are built over an emulation of the GPU, for all tests that run them."""


def run(*command: object) -> str:
    """Run a program that must succeed; its output."""
    result = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    assert result.returncode == 0, f"{command[0]}:\n{result.stdout[-4000:]}\n{result.stderr[-4000:]}"
    return result.stdout


def build_emulation(cmake: str, *targets: str, **definitions: object) -> None:
    """Build targets in EMULATION, optimized as little as serves tests that run for seconds."""
    options = {"AMSR_TESTS": "ON", "CMAKE_BUILD_TYPE": "Debug", "CMAKE_CXX_FLAGS_DEBUG": "-O1", **definitions}
    run(cmake, "-S", ROOT / "plugins", "-B", EMULATION, *(f"-D{name}={value}" for name, value in options.items()))
    run(cmake, "--build", EMULATION, "--target", *targets)
