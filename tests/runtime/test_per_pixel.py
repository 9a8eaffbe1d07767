"""What model files say of their memory and of their largest tensor, from which tiles and shapes of engines follow."""

from __future__ import annotations

import math
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from export_cases import Exports
from memory_growth import everything, growth

from amsr_deploy import models
from amsr_deploy.descriptor import BACKBONES, DEFAULT_BACKBONE
from amsr_deploy.export.onnx import make_model
from amsr_deploy.model_file import read_metadata

SIZE = 100e6
"""What a large picture may take in bytes."""
SIDE = 32
"""Of the picture whose tensors are counted: larger than those of weights alone."""
CASES = [
    pytest.param(name, scale, marks=[] if (name, scale) == (DEFAULT_BACKBONE, 2) else [pytest.mark.slow])
    for name in BACKBONES
    for scale in (2, 4)
]


@pytest.mark.parametrize(("name", "scale"), CASES)
def test_memory_is_within_what_the_model_says(name: str, scale: int, tmp_path: Path) -> None:
    onnx.save(make_model(models.create(name, scale=scale)), tmp_path / "a.onnx")
    said = read_metadata(tmp_path / "a.onnx").bytes_per_pixel
    side = math.isqrt(int(SIZE / said)) // 8 * 8
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        taken = pool.submit(growth, tmp_path / "a.onnx", side).result()
    if taken is None:
        pytest.skip("the system does not tell how much memory a process takes")
    print(f"{name} x{scale}: {taken / side**2:.0f} bytes for a pixel")
    assert taken / side**2 <= said


@pytest.mark.parametrize("name", BACKBONES)
def test_the_largest_tensor_of_both_forms_is_what_the_model_says(name: str, exports: Exports) -> None:
    paths = [exports(name, masked) for masked in (True, False)]
    assert read_metadata(paths[0]).values_per_pixel == max(map(largest_tensor, paths))


def largest_tensor(path: Path) -> float:
    """Values for a pixel of the largest tensor between the nodes of a model."""
    model = onnx.load(path)
    names = [output for node in model.graph.node for output in node.output]
    model.graph.ClearField("output")
    model.graph.output.extend(onnx.helper.make_empty_tensor_value_info(each) for each in names)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    inputs: dict[str, Any] = {"image": np.zeros((1, 3, SIDE, SIDE), dtype=np.float32)}
    return max(value.size for value in session.run(None, inputs | everything(read_metadata(path), SIDE))) / SIDE**2
