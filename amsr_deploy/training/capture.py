"""A step that is repeated. On a GPU it is one CUDA graph: small networks would wait for hundreds of launches."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from amsr_deploy.wording import first_line

WARMUP = 3
"""Calls before the capture: algorithms are chosen, optimisers make their moments."""


class Repeated:
    """A function that is called repeatedly on tensors that keep their addresses."""

    def __init__(
        self, function: Callable[[], Tensor], device: torch.device, capture: bool, tell: Callable[[str], None]
    ) -> None:
        """Prepare the repetition.

        Args:
            function: what to run; it never waits for the device, and its tensors keep their addresses.
            device: where it runs; only a GPU captures.
            capture: whether to capture it at all.
            tell: receives a line where the capture fails.
        """
        self._function, self._tell = function, tell
        self._stream = (
            torch.cuda.Stream(device) if capture and device.type == "cuda" else None  # type: ignore[no-untyped-call]
        )
        self._calls = 0
        self._graph: torch.cuda.CUDAGraph | None = None
        self._result: Tensor | None = None

    def __call__(self) -> Tensor:
        """Run the function; its result is the caller's own."""
        if self._stream is not None and self._graph is None:
            self._calls += 1
            if self._calls <= WARMUP:
                return self._aside(self._stream)
            self._capture(self._stream)
        if self._graph is None or self._result is None:
            return self._function()
        self._graph.replay()
        return self._result.clone()

    def _aside(self, stream: torch.cuda.Stream) -> Tensor:
        """Run the function on the stream of the capture, as gradients remember the stream that they are summed on."""
        current = torch.cuda.current_stream(stream.device)
        stream.wait_stream(current)
        with torch.cuda.stream(stream):
            result = self._function()
        current.wait_stream(stream)
        return result

    def _capture(self, stream: torch.cuda.Stream) -> None:
        """Capture the function without running it; where that fails, it runs uncaptured from now on."""
        graph = torch.cuda.CUDAGraph()
        try:
            # a failed capture would leave its stream the current one
            with torch.cuda.stream(torch.cuda.current_stream(stream.device)), torch.cuda.graph(graph, stream=stream):
                self._result = self._function()
            self._graph = graph
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:
            self._stream = None
            self._tell(f"steps run without a CUDA graph ({first_line(error)})")
