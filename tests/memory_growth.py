"""How much memory a model takes, measured in a process of its own, which loads no PyTorch."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from amsr_deploy.metadata import Metadata
from amsr_deploy.runtime.backends.base import SelectionInputs
from amsr_deploy.runtime.backends.onnxruntime import OnnxRuntimeBackend
from amsr_deploy.runtime.selection import DenseSelection, select, whole
from amsr_deploy.system import memory

SMALL = 16
"""Side of a picture for which nearly all memory is the model's."""
RUNS = 3
"""A run allocates; the next ones show whether memory keeps growing."""


def everything(metadata: Metadata, side: int) -> SelectionInputs:
    """The inputs of a picture of which all pixels are masked."""
    mask = np.ones((side, side), dtype=np.bool_)
    return whole(select(mask, metadata, metadata.threshold) if metadata.masked else DenseSelection(mask.shape), mask)


def growth(path: Path, side: int) -> int | None:
    """Bytes of peak memory that pictures of a side take beyond those of small ones."""
    backend = OnnxRuntimeBackend(path, "cpu")
    before: int | None = None
    for length in (SMALL, *[side] * RUNS):
        backend.run(np.zeros((1, 3, length, length), dtype=np.float32), everything(backend.metadata, length))
        before = before or memory.peak_memory()
    after = memory.peak_memory()
    return None if before is None or after is None else after - before
