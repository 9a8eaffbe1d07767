"""What a processor reaches at best: arithmetic in a large matrix product, and bytes in a copy."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import onnxruntime as ort
from onnx import TensorProto, helper

from amsr_deploy.evaluation.bench.timing import seconds
from amsr_deploy.runtime.backends.onnxruntime import session_options

SIDE = 384
"""Rows and columns of the matrices."""
MATMUL_OPSET = 13
"""That of the newest MatMul."""
COPIED = 2**25
"""Bytes of the copy, more than caches hold."""
TRIES = 100
"""The fastest counts: a peak is not reached while other programs run."""


@dataclass(frozen=True)
class Peak:
    """The peak of a processor with some threads.

    Attributes:
        operations: multiplications and additions a second, in float32.
        bandwidth: bytes a second, read and written.
    """

    operations: float
    bandwidth: float

    def __str__(self) -> str:
        return (
            f"peak {self.operations / 1e9:.0f} GFLOP/s (float32 matrix product in ONNX Runtime), "
            f"{self.bandwidth / 1e9:.0f} GB/s (copy)"
        )

    def least_seconds(self, operations: float, size: float) -> float:
        """Compute the least time of a kernel from its operations and the bytes that it reads and writes."""
        return max(operations / self.operations, size / self.bandwidth)


def measure_peak(threads: int) -> Peak:
    """Measure ONNX Runtime's matrix product and a copy in memory, with CPU threads."""
    with ThreadPoolExecutor(threads) as pool:
        return Peak(2 * SIDE**3 / fastest(matrix_product(threads)), 2 * COPIED / fastest(copy(pool, threads)))


def fastest(run: Callable[[], object]) -> float:
    """Measure the least seconds of a call."""
    return min(seconds(run) for _ in range(TRIES))


def matrix_product(threads: int) -> Callable[[], object]:
    """Prepare a product of square matrices."""
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [SIDE, SIDE]) for name in ("a", "b", "c")]
    graph = helper.make_graph([helper.make_node("MatMul", ["a", "b"], ["c"])], "product", values[:2], values[2:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", MATMUL_OPSET)], ir_version=10)
    session = ort.InferenceSession(
        model.SerializeToString(), session_options(threads), providers=["CPUExecutionProvider"]
    )
    matrix = np.ones((SIDE, SIDE), dtype=np.float32)
    return lambda: session.run(None, {"a": matrix, "b": matrix})


def copy(pool: ThreadPoolExecutor, threads: int) -> Callable[[], object]:
    """Prepare a copy in memory, a part for each thread of a pool."""
    source, target = np.ones(COPIED, dtype=np.uint8), np.zeros(COPIED, dtype=np.uint8)
    parts = list(zip(np.array_split(target, threads), np.array_split(source, threads), strict=True))
    return lambda: list(pool.map(lambda part: np.copyto(*part), parts))
