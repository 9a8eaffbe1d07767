"""Work captured as CUDA graphs, and its time on the GPU's own clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from amsr_deploy.evaluation.bench.timing import medians

WARM_UP, REPEATS, BATCH = 2, 15, 5


class Constants(TorchFunctionMode):
    """Makes each constant of `new_tensor` once: a capture cannot copy from main memory."""

    def __init__(self) -> None:
        super().__init__()
        self._made: dict[object, Tensor] = {}

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if function is not torch.Tensor.new_tensor:
            return function(*args, **(kwargs or {}))
        like, values = args
        key = (like.dtype, like.device, tuple(values))
        if key not in self._made:
            self._made[key] = function(*args)
        return self._made[key]


class Captured:
    """Work as a CUDA graph.

    Attributes:
        result: what the work gives; each replay writes it anew.
    """

    def __init__(self, work: Callable[[], Tensor]) -> None:
        """Run the work, so that all is set up, then capture it."""
        self._work, self._constants = work, Constants()  # the graph reads what these hold
        with torch.inference_mode(), self._constants:
            stream = torch.cuda.Stream()
            stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(stream):
                for _ in range(3):
                    work()
            torch.cuda.current_stream().wait_stream(stream)
            self._graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self._graph):
                self.result = work()

    def __call__(self) -> None:
        self._graph.replay()


def seconds(work: Callable[[], object]) -> float:
    """Time of a call on the GPU, of a batch long enough for its clock."""
    start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    start.record()
    for _ in range(BATCH):
        work()
    end.record()
    end.synchronize()
    return 1e-3 * start.elapsed_time(end) / BATCH


def milliseconds(works: Mapping[str, Callable[[], object]]) -> dict[str, float]:
    """Measure the median time of each, in turns."""
    return {name: 1e3 * time for name, time in medians(works, REPEATS, WARM_UP, seconds).items()}
