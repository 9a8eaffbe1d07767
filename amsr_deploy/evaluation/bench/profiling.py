"""Where a network's time goes, kernel by kernel."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from amsr_deploy.evaluation.bench.session import open_session
from amsr_deploy.runtime.backends.base import SelectionInputs
from amsr_deploy.runtime.backends.onnxruntime import session_options

RUNS = 5
"""The fastest run of each node counts."""
WEIGHTED = ("MaskedConv2d", "PixelConv2d", "Pointwise")
"""Operators, with all their variants, that multiply pixels by weights."""
BYTES = {"float": 4, "float16": 2, "bfloat16": 2, "int32": 4, "int64": 8, "bool": 1}
SURROUND = 1
"""Input of MaskedConv2d of which only the pixels next to the mask are read."""


@dataclass(frozen=True)
class Kernel:
    """All nodes of a network that have an operator and the shape of their weights in common.

    Attributes:
        operator: the operator.
        weights: shape of the weights, without groups: [Co, Ci / groups, k, k]; empty for operators without.
        count: nodes.
        seconds: of all of them, in one run of the network.
        operations: multiplications and additions of all of them, as of a direct convolution; 0 without weights.
        size: bytes that they read and write at least.
    """

    operator: str
    weights: tuple[int, ...]
    count: int
    seconds: float
    operations: float
    size: float

    def plus(self, other: Kernel) -> Kernel:
        """Count the nodes of another one, of the same operator and weights, too."""
        return Kernel(
            self.operator,
            self.weights,
            self.count + other.count,
            self.seconds + other.seconds,
            self.operations + other.operations,
            self.size + other.size,
        )


def profile(model: Path, image: NDArray[np.float32], inputs: SelectionInputs, threads: int) -> list[Kernel]:
    """Measure each kernel of a model on [1, 3, H, W] by ONNX Runtime's own profiler; the slowest come first."""
    with TemporaryDirectory() as folder:
        options = session_options(threads)
        options.enable_profiling = True
        options.profile_file_prefix = str(Path(folder) / "profile")
        session = open_session(model, options)
        for _ in range(RUNS):
            session.run(["sr"], {"image": image, **inputs})
        events = json.loads(Path(session.end_profiling()).read_text())
    groups: dict[tuple[str, tuple[int, ...]], Kernel] = {}
    for node in _nodes(events):
        key = (node.operator, node.weights)
        groups[key] = groups[key].plus(node) if key in groups else node
    return sorted(groups.values(), key=lambda kernel: -kernel.seconds)


def time_shares(kernels: Sequence[Kernel]) -> dict[str, float]:
    """Sum up each operator's share of the time, the largest first."""
    times: dict[str, float] = defaultdict(float)
    for kernel in kernels:
        times[kernel.operator] += kernel.seconds
    total = sum(times.values())
    return {name: time / total for name, time in sorted(times.items(), key=lambda item: -item[1])}


def _nodes(events: Sequence[Mapping[str, Any]]) -> Iterator[Kernel]:
    """Read the nodes of a profile, each in its fastest run."""
    fastest: dict[str, Mapping[str, Any]] = {}
    for event in events:
        if event["cat"] == "Node" and event["name"].endswith("_kernel_time"):
            best = fastest.setdefault(event["args"]["node_index"], event)
            if event["dur"] < best["dur"]:
                fastest[event["args"]["node_index"]] = event
    for event in fastest.values():
        arguments = event["args"]
        operator = arguments["op_name"]
        inputs = [next(iter(entry.items())) for entry in arguments["input_type_shape"]]
        outputs = [next(iter(entry.items())) for entry in arguments["output_type_shape"]]
        weights = _weights(inputs) if operator.startswith(WEIGHTED) else ()
        read = [value for i, value in enumerate(inputs) if not (operator.startswith(WEIGHTED[0]) and i == SURROUND)]
        size = sum(BYTES.get(kind, 0) * prod(shape) for kind, shape in [*read, *outputs])
        operations = 2 * prod(outputs[0][1]) * prod(weights[1:]) if weights else 0
        yield Kernel(operator, weights, 1, 1e-6 * event["dur"], operations, size)


def _weights(inputs: Sequence[tuple[str, Sequence[int]]]) -> tuple[int, ...]:
    """Find the shape of the weights: the input before the bias, the only one of one axis that is not of integers."""
    bias = next(i for i, (kind, shape) in enumerate(inputs) if len(shape) == 1 and not kind.startswith("int"))
    return tuple(inputs[bias - 1][1])
