"""The native library as the package finds it."""

from __future__ import annotations

import _ctypes
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT
from onnxruntime import SessionOptions

import amsr_deploy
from amsr_deploy import native
from amsr_deploy.errors import BackendError


def test_a_library_of_another_version_is_refused_before_a_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "_FILE", Path(_ctypes.__file__))
    for call in (native.load, native.inspect, lambda: amsr_deploy.load("fsrcnn", device="cpu")):
        with pytest.raises(BackendError, match="another version of amsr-deploy; install the package again"):
            call()


def test_without_a_library_nothing_is_registered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "_FILE", tmp_path / "missing.so")
    assert [native.library_path(), native.inspect(), native.load(), native.register(SessionOptions())] == [None] * 4
    assert "ONNX functions" in amsr_deploy.load("fsrcnn", device="cpu").backend


@pytest.mark.skipif(native.library_path() is None, reason="the native library is not built")
def test_what_is_registered_is_named() -> None:
    code = native.register(SessionOptions())
    assert code == native.inspect()
    assert code is not None
    assert f"({code.instruction_set} kernels)" in amsr_deploy.load("fsrcnn", device="cpu").backend


@pytest.mark.skipif(sys.platform != "linux", reason="the memory of a process is limited as Linux does it")
@pytest.mark.skipif(native.library_path() is None, reason="the native library is not built")
def test_native_code_that_finds_no_memory_raises_a_memory_error() -> None:
    script = """
import resource
import numpy as np
from amsr_deploy import native

library = native.load()
long = 1 << 24
image, pixels = np.zeros((1, long, 3), np.float32), np.zeros((1, long), np.float32)
counts, mask, taps = np.zeros(long, np.int64), np.zeros((1, long), np.bool_), np.ones(3, np.float32)
with open("/proc/self/statm") as file:
    pages = int(file.read().split()[0])
resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + (16 << 20),) * 2)
for call in (
    lambda: library.amsr_high_frequencies(image, 1, long, taps, 0, pixels),
    lambda: library.amsr_histogram(pixels, long, counts, long),
    lambda: library.amsr_mask_above(pixels, 1, long, 0.5, 5, mask),
):
    try:
        call()
    except MemoryError:
        print("too little")
"""
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=False)
    assert (result.returncode, result.stdout) == (0, "too little\n" * 3), result.stderr
