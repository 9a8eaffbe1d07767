"""Warnings point at the line that called the package."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scale_cases import write_model

import amsr_deploy
from amsr_deploy.files import write_cache
from amsr_deploy.runtime.backends.base import OutOfMemoryError
from amsr_deploy.warn import warn_caller


def many_threads(folder: Path) -> Any:
    return lambda: amsr_deploy.load(folder / "twice.onnx", device="cpu", threads=100_000)


def little_memory(folder: Path) -> Any:
    upscaler = amsr_deploy.load(folder / "twice.onnx", device="cpu", threads=1)
    run = upscaler._backend.run

    def run_small(image: Any, selection: Any) -> Any:
        if image.shape[-1] > 64:
            raise OutOfMemoryError("too large")
        return run(image, selection)

    upscaler._backend.run = run_small  # type: ignore[method-assign]
    return lambda: upscaler.upscale(np.zeros((96, 96, 3), np.uint8))


def no_folder(folder: Path) -> Any:
    (folder / "file").touch()
    return lambda: write_cache(folder / "file" / "cache", b"", "timings")


@pytest.mark.parametrize("make_call", [many_threads, little_memory, no_folder, lambda _: lambda: warn_caller("now")])
def test_a_warning_names_the_line_of_the_caller(make_call: Callable[[Path], Any], tmp_path: Path) -> None:
    write_model(tmp_path / "twice.onnx", 2)
    call = make_call(tmp_path)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    assert caught
    assert {warning.filename for warning in caught} == {__file__}
