"""Peak memory of a network's run, measured in a process of its own."""

from __future__ import annotations

import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from amsr_deploy.runtime.backends.base import Inputs
from amsr_deploy.runtime.backends.onnxruntime import OnnxRuntimeBackend

RUNS = 2
"""The first run allocates; a second one shows whether memory keeps growing."""


def peak_memory(model: Path, image: NDArray[np.float32], inputs: Inputs, threads: int) -> int | None:
    """Measure the peak memory in bytes of loading and running a model [1, 3, H, W], without Python and its packages.

    None where the system does not report it.
    """
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_growth, model, image, inputs, threads).result()


def _growth(model: Path, image: NDArray[np.float32], inputs: Inputs, threads: int) -> int | None:
    before = _peak()
    backend = OnnxRuntimeBackend(model, "cpu", threads)
    for _ in range(RUNS):
        backend.run(image, inputs)
    after = _peak()
    return None if before is None or after is None else after - before


def _peak() -> int | None:
    """Return the largest resident memory of this process so far, in bytes."""
    status = Path("/proc/self/status")
    if status.is_file():  # unlike ru_maxrss, this does not begin with the peak of the parent process
        (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return 1024 * int(line.split()[1])
    try:
        import resource
    except ImportError:
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
