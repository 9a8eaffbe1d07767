"""Peak memory of a network's run, measured in a process of its own."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from amsr_deploy.runtime.backends.base import SelectionInputs
from amsr_deploy.runtime.backends.onnxruntime import OnnxRuntimeBackend
from amsr_deploy.system import memory

RUNS = 2
"""The first run allocates; a second one shows whether memory keeps growing."""


def peak_memory(model: Path, image: NDArray[np.float32], inputs: SelectionInputs, threads: int) -> int | None:
    """Measure the peak memory in bytes of loading and running a model [1, 3, H, W], without Python and its packages.

    None where the system does not report it.
    """
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_growth, model, image, inputs, threads).result()


def _growth(model: Path, image: NDArray[np.float32], inputs: SelectionInputs, threads: int) -> int | None:
    before = memory.peak_memory()
    backend = OnnxRuntimeBackend(model, "cpu", threads)
    for _ in range(RUNS):
        backend.run(image, inputs)
    after = memory.peak_memory()
    return None if before is None or after is None else after - before
