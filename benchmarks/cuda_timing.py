"""Work captured as CUDA graphs, and its time on the GPU's own clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from amsr_deploy.evaluation.bench.timing import medians

WARM_UP, REPEATS, BATCH = 2, 15, 5


class Captured:
    """Work as a CUDA graph.

    Attributes:
        result: what the work gives; each replay writes it anew.
    """

    def __init__(self, work: Callable[[], Tensor]) -> None:
        """Run the work, so that all is set up, then capture it."""
        self._work = work  # the graph reads what it holds
        with torch.inference_mode():
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
