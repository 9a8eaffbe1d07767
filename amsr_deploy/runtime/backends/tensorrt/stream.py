"""One CUDA stream with its buffers: runs pictures one after the other, beside other streams."""

from __future__ import annotations

import logging
from collections import OrderedDict, deque
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from amsr_deploy.errors import BackendError
from amsr_deploy.runtime.backends.base import OutOfMemoryError
from amsr_deploy.runtime.backends.tensorrt.cuda import Cuda

PREPARED_SHAPES = 16
"""Shapes that a stream keeps prepared; the one that was not used for the longest time goes first."""
SIGHTS = 256
"""Shapes seen once that a stream keeps track of."""
_ALIGNMENT = 256
_SCRATCH = ""  # name of the buffer that prepared shapes compute in

Arrays = Mapping[str, NDArray[Any]]
Shape = tuple[int, ...]
Key = tuple[Shape, ...]

_log = logging.getLogger(__name__)


class LoadedEngine(Protocol):
    """A loaded engine, as far as streams need it."""

    output: str
    """Name of its output, float32."""
    captures_graphs: bool
    """Whether to capture runs as CUDA graphs: not where TensorRT does so itself."""

    def create_context(self) -> Any:
        """Create a `trt.IExecutionContext` without memory of its own."""

    def set_shapes(self, context: Any, shapes: Mapping[str, Shape]) -> None:
        """Set the shapes of a context's next inputs."""

    def failure(self) -> BackendError:
        """Make an error of what TensorRT said about a run that failed."""

    def close(self) -> None:
        """Free the engine; CUDA's context must be active, and no execution context be left."""


class PreparedShape:
    """An execution context that is set to some shapes."""

    def __init__(self, context: Any) -> None:
        self.context = context
        self.scratch = 0
        self.output: Shape = ()
        self.is_bound = False
        self.runs = 0
        self.graph: Any = None

    def unbind(self) -> None:
        """Forget addresses: a captured graph holds them, and the first run with others cannot be captured."""
        self.drop_graph()
        self.is_bound, self.runs = False, 0

    def drop_graph(self) -> None:
        """Free the captured graph."""
        if self.graph is not None:
            self.graph.free()
            self.graph = None


class GpuStream:
    """Buffers, prepared shapes, and a stream of CUDA.

    A shape that is seen for the first time runs on a shared context, which is set to each such shape anew.
    Seen again, it gets a context of its own. Its first run there is launched kernel by kernel, because TensorRT may
    allocate in it and plugins pack weights, which cannot be captured; the next one is captured as a CUDA graph.
    """

    def __init__(self, network: LoadedEngine, cuda: Cuda) -> None:
        """Open a stream.

        Args:
            network: what runs.
            cuda: the GPU.
        """
        self._network, self._cuda = network, cuda
        self._device: dict[str, Any] = {}
        self._host: dict[str, NDArray[np.uint8]] = {}
        self._sizes: dict[str, int] = {}
        self._shared: PreparedShape | None = None
        self._seen: deque[Key] = deque(maxlen=SIGHTS)
        self._prepared: OrderedDict[Key, PreparedShape] = OrderedDict()
        with cuda.active():
            self._stream = cuda.stream()

    def run(self, inputs: Arrays) -> NDArray[np.float32]:
        """Upload, compute, download.

        Raises:
            OutOfMemoryError: the GPU has too little memory; the stream has freed all its buffers.
            BackendError: what TensorRT said, or the stream is closed.
        """
        if self._stream is None:
            raise BackendError("this engine was closed; load it again")
        with self._cuda.active():
            try:
                return self._run(inputs)
            except OutOfMemoryError:
                self._release()
                raise

    def close(self) -> None:
        """Free everything; a second call does nothing."""
        if self._stream is None:
            return
        with self._cuda.active():
            self._release()
            self._stream.free()
        self._stream = None

    def upload(self, inputs: Arrays) -> PreparedShape:
        """Put inputs on the GPU for `compute`; CUDA's context must be active."""
        prepared = self._prepared_for(inputs)
        if not prepared.is_bound:
            self._bind(prepared, inputs)
        for name, array in inputs.items():
            self._host[name][: array.nbytes].view(array.dtype)[:] = array.ravel()
            if array.nbytes:
                self._cuda.upload(self._device[name], self._host[name][: array.nbytes], self._stream)
        return prepared

    def compute(self, prepared: PreparedShape) -> None:
        """Run what was uploaded last, and wait; CUDA's context must be active."""
        self._execute(prepared)
        self._cuda.synchronize(self._stream)

    def _run(self, inputs: Arrays) -> NDArray[np.float32]:
        prepared = self.upload(inputs)
        self._execute(prepared)
        result = self._host[self._network.output][: _bytes(prepared.output)]
        self._cuda.download(result, self._device[self._network.output], self._stream)
        self._cuda.synchronize(self._stream)
        return result.view(np.float32).reshape(prepared.output).copy()

    def _prepared_for(self, inputs: Arrays) -> PreparedShape:
        """Find or make a context for the inputs' shapes, with buffers large enough."""
        key = tuple(array.shape for array in inputs.values())
        if key in self._prepared:
            self._prepared.move_to_end(key)
            return self._prepared[key]
        if key not in self._seen:
            self._seen.append(key)
            return self._prepare_shared(inputs)
        self._seen.remove(key)  # should its context be dropped, it starts on the shared one again
        prepared = PreparedShape(self._network.create_context())
        self._set_shapes(prepared, inputs)
        self._prepared[key] = prepared
        if len(self._prepared) > PREPARED_SHAPES:
            self._prepared.popitem(last=False)[1].drop_graph()
        return prepared

    def _prepare_shared(self, inputs: Arrays) -> PreparedShape:
        if self._shared is None:
            self._shared = PreparedShape(self._network.create_context())
        self._set_shapes(self._shared, inputs)
        return self._shared

    def _set_shapes(self, prepared: PreparedShape, inputs: Arrays) -> None:
        """Set a context to the inputs' shapes, and make buffers large enough."""
        prepared.unbind()
        self._network.set_shapes(prepared.context, {name: array.shape for name, array in inputs.items()})
        prepared.scratch = int(prepared.context.update_device_memory_size_for_shapes())
        prepared.output = tuple(int(side) for side in prepared.context.get_tensor_shape(self._network.output))
        sizes = {name: array.nbytes for name, array in inputs.items()} | {self._network.output: _bytes(prepared.output)}
        for name, size in sizes.items():
            self._reserve(name, size, pinned=True)
        self._reserve(_SCRATCH, prepared.scratch, pinned=False)

    def _reserve(self, name: str, size: int, pinned: bool) -> None:
        """Allocate a buffer of at least this size; one that grows moves, and contexts must forget its old address."""
        size = -(-max(size, 1) // _ALIGNMENT) * _ALIGNMENT  # TensorRT wants an address for empty inputs too
        if size <= self._sizes.get(name, 0):
            return
        for prepared in self._all_prepared():
            prepared.unbind()
        self._free(name)
        self._device[name] = self._cuda.allocate(size)
        if pinned:
            self._host[name] = self._cuda.allocate_host(size)
        self._sizes[name] = size

    def _bind(self, prepared: PreparedShape, inputs: Arrays) -> None:
        """Set the addresses of a context's buffers."""
        prepared.context.set_device_memory(int(self._device[_SCRATCH]), prepared.scratch)
        for name in (*inputs, self._network.output):
            prepared.context.set_tensor_address(name, int(self._device[name]))
        prepared.is_bound = True

    def _execute(self, prepared: PreparedShape) -> None:
        """Launch a run: kernel by kernel at first, as a CUDA graph from the second time on."""
        prepared.runs += 1
        if prepared.graph is not None:
            prepared.graph.launch(self._stream)
        elif prepared.runs == 1 or not self._network.captures_graphs or not self._capture(prepared):
            self._enqueue(prepared)

    def _capture(self, prepared: PreparedShape) -> bool:
        """Capture a run and launch it; where that fails, no further run is captured."""
        try:
            prepared.graph = self._cuda.capture(self._stream, lambda: self._enqueue(prepared))
            prepared.graph.launch(self._stream)
        except BackendError as error:
            prepared.drop_graph()
            self._network.captures_graphs = False
            _log.warning("%s; kernels are launched one by one", error)
            return False
        return True

    def _enqueue(self, prepared: PreparedShape) -> None:
        if not prepared.context.execute_async_v3(self._stream.handle):
            raise self._network.failure()

    def _all_prepared(self) -> list[PreparedShape]:
        return [*self._prepared.values(), *([self._shared] if self._shared else [])]

    def _free(self, name: str) -> None:
        self._sizes.pop(name, None)
        if name in self._device:
            self._device.pop(name).free()
        if name in self._host:
            self._cuda.free_host(self._host.pop(name))

    def _release(self) -> None:
        """Free everything but the stream."""
        for prepared in self._all_prepared():
            prepared.drop_graph()
        self._shared = None
        self._prepared.clear()
        self._seen.clear()
        for name in list(self._device):
            self._free(name)


def _bytes(shape: Shape) -> int:
    """Compute the size in bytes of a float32 tensor."""
    return int(np.prod(shape)) * 4
