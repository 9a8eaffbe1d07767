"""A GPU made of main memory: does what CUDA and TensorRT would do with our calls, in the order of a stream.

Contexts compute with ONNX Runtime on the memory at the addresses that they were given, so that a wrong address, size
or shape gives a wrong picture.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from amsr_deploy.errors import BackendError
from amsr_deploy.metadata import Metadata
from amsr_deploy.runtime.backends.base import OutOfMemoryError

SCRATCH_PER_PIXEL = 64
"""Bytes that the fake contexts ask for."""


class Memory:
    """Bytes of the GPU; as a number, their address."""

    def __init__(self, gpu: FakeCuda, size: int) -> None:
        self.gpu, self.data = gpu, np.zeros(size, np.uint8)
        gpu.last_address += 1 << 40
        self.address = gpu.last_address
        gpu.memories[self.address] = self

    def __int__(self) -> int:
        return self.address

    def free(self) -> None:
        del self.gpu.memories[self.address]


class Stream:
    """Runs what it is sent at once, or keeps it while a graph is captured."""

    def __init__(self, gpu: FakeCuda, handle: int) -> None:
        self.gpu, self.handle = gpu, handle
        self.capturing: list[Callable[[], None]] | None = None
        self.capturer = 0

    def send(self, work: Callable[[], None]) -> None:
        if self.capturing is None:
            work()
        else:
            self.capturing.append(work)

    def copy(self, work: Callable[[], None]) -> None:
        assert self.capturing is None, "copies are not captured"
        work()

    def free(self) -> None:
        self.gpu.streams.remove(self)


class Graph:
    """Recorded work."""

    def __init__(self, gpu: FakeCuda, work: list[Callable[[], None]]) -> None:
        self.gpu, self.work = gpu, work
        gpu.graphs += 1

    def launch(self, stream: Stream) -> None:
        if not self.gpu.can_launch:
            raise BackendError("the GPU failed (cuGraphLaunch: fake)")
        self.gpu.launches += 1
        for step in self.work:
            stream.send(step)

    def free(self) -> None:
        self.work = []
        self.gpu.graphs -= 1


class FakeCuda:
    """`runtime.cuda.Cuda`, with a budget of bytes."""

    has_graphs = True

    def __init__(self, budget: int = 1 << 40, can_capture: bool = True, can_launch: bool = True) -> None:
        self.budget, self.can_capture, self.can_launch = budget, can_capture, can_launch
        self.memories: dict[int, Memory] = {}
        self.last_address = self.graphs = self.launches = self.depth = self.pinned = 0
        self.streams: list[Stream] = []

    @property
    def used(self) -> int:
        return sum(len(memory.data) for memory in self.memories.values())

    @contextlib.contextmanager
    def active(self) -> Iterator[None]:
        self.depth += 1
        try:
            yield
        finally:
            self.depth -= 1

    def stream(self) -> Stream:
        self.streams.append(Stream(self, handle=77 + len(self.streams)))
        return self.streams[-1]

    def synchronize(self, stream: Stream) -> None:
        assert stream.capturing is None

    def allocate(self, size: int) -> Memory:
        assert size > 0
        if self.used + size > self.budget:
            raise OutOfMemoryError("the GPU is full")
        return Memory(self, size)

    def allocate_host(self, size: int) -> NDArray[np.uint8]:
        self.pinned += 1
        return np.zeros(size, np.uint8)

    def free_host(self, memory: NDArray[np.uint8]) -> None:
        self.pinned -= 1

    def upload(self, target: Memory, source: NDArray[np.uint8], stream: Stream) -> None:
        stream.copy(lambda: np.copyto(self.memories[int(target)].data[: len(source)], source))

    def download(self, target: NDArray[np.uint8], source: Memory, stream: Stream) -> None:
        stream.copy(lambda: np.copyto(target, self.memories[int(source)].data[: len(target)]))

    def capture(self, stream: Stream, work: Callable[[], None]) -> Graph:
        if not self.can_capture:
            raise BackendError("this run cannot be captured as a CUDA graph: fake")
        stream.capturing, stream.capturer = [], threading.get_ident()
        try:
            work()
        finally:
            captured, stream.capturing = stream.capturing, None
        return Graph(self, captured)


class FakeNetwork:
    """`runtime.stream.Network` over an ONNX file."""

    output = "sr"

    def __init__(self, model: Path, gpu: FakeCuda, captures_graphs: bool = True) -> None:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self.scale = Metadata.from_properties(self.session.get_modelmeta().custom_metadata_map).scale
        self.gpu, self.captures_graphs = gpu, captures_graphs
        self.contexts = self.bindings = 0
        self.fails = self.is_closed = False

    def create_context(self) -> Any:
        self.contexts += 1
        return FakeContext(self)

    def set_shapes(self, context: Any, shapes: Mapping[str, tuple[int, ...]]) -> None:
        context.shapes = dict(shapes)

    def failure(self) -> BackendError:
        return BackendError("the run failed")

    def close(self) -> None:
        assert self.gpu.depth > 0, "no context is active"
        self.is_closed = True


class FakeContext:
    """`trt.IExecutionContext`, as far as it is used."""

    def __init__(self, network: FakeNetwork) -> None:
        self.network = network
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.addresses: dict[str, int] = {}
        self.scratch = (0, 0)
        self.runs = 0

    def update_device_memory_size_for_shapes(self) -> int:
        return int(np.prod(self.shapes["image"][2:])) * SCRATCH_PER_PIXEL

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        assert name == "sr"
        _, _, height, width = self.shapes["image"]
        return 1, 3, self.network.scale * height, self.network.scale * width

    def set_device_memory(self, address: int, size: int) -> None:
        self._refuse_while_captured()
        self.scratch = (address, size)
        self.network.bindings += 1

    def set_tensor_address(self, name: str, address: int) -> None:
        self._refuse_while_captured()
        self.addresses[name] = address

    def _refuse_while_captured(self) -> None:
        capturers = [stream.capturer for stream in self.network.gpu.streams if stream.capturing is not None]
        assert threading.get_ident() not in capturers, "only enqueues are captured"

    def execute_async_v3(self, handle: int) -> bool:
        assert self.network.gpu.depth > 0, "no context is active"
        if self.network.fails:
            return False
        (stream,) = [stream for stream in self.network.gpu.streams if stream.handle == handle]
        assert self.runs > 0 or stream.capturing is None, "the first run of a context cannot be captured"
        self.runs += 1
        addresses, scratch = dict(self.addresses), self.scratch
        stream.send(lambda: self._compute(addresses, scratch))
        return True

    def _compute(self, addresses: dict[str, int], scratch: tuple[int, int]) -> None:
        memories = self.network.gpu.memories
        assert len(memories[scratch[0]].data) >= scratch[1]
        inputs = {}
        for name, shape in self.shapes.items():
            dtype = np.dtype(np.float32 if name == "image" else np.int64)
            size = int(np.prod(shape)) * dtype.itemsize
            inputs[name] = memories[addresses[name]].data[:size].view(dtype).reshape(shape)
        result = self.network.session.run(["sr"], inputs)[0]
        memories[addresses["sr"]].data[: result.nbytes] = result.view(np.uint8).ravel()
