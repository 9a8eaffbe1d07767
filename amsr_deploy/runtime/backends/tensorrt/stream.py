"""One stream of the GPU with buffers of its own: runs pictures one after the other, beside other lanes."""

from __future__ import annotations

import warnings
from collections import OrderedDict, deque
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from amsr_deploy.errors import BackendError
from amsr_deploy.runtime.backends.base import OutOfMemoryError
from amsr_deploy.runtime.backends.tensorrt.cuda import Cuda

PLANS = 16
"""Shapes that a lane keeps prepared; the one that was not used for the longest time goes first."""
SIGHTS = 256
"""Shapes seen once that a lane remembers."""
_ALIGNMENT = 256
_SCRATCH = ""  # name of the buffer that plans compute in

Arrays = Mapping[str, NDArray[Any]]
Shape = tuple[int, ...]
Key = tuple[Shape, ...]


class Network(Protocol):
    """A loaded engine, as far as lanes need it."""

    output: str
    """Name of its output, float32."""
    records_graphs: bool
    """Whether runs are to be recorded as CUDA graphs: not where TensorRT does so by itself."""

    def create_context(self) -> Any:
        """A `trt.IExecutionContext` without memory of its own."""

    def set_shapes(self, context: Any, shapes: Mapping[str, Shape]) -> None:
        """Tell a context the shapes of its next inputs."""

    def failure(self) -> BackendError:
        """What TensorRT said about a run that failed."""

    def close(self) -> None:
        """Give the engine back; the context of CUDA must be active, and no context of TensorRT be left."""


class Plan:
    """An execution context, and what is known of the shapes that it is set to."""

    def __init__(self, context: Any) -> None:
        self.context = context
        self.scratch = 0
        self.output: Shape = ()
        self.is_bound = False
        self.runs = 0
        self.graph: Any = None

    def unbind(self) -> None:
        """Forget addresses: a recorded run points to them, and the first run with others cannot be recorded."""
        self.drop_graph()
        self.is_bound, self.runs = False, 0

    def drop_graph(self) -> None:
        """Give the recorded run back."""
        if self.graph is not None:
            self.graph.free()
            self.graph = None


class Lane:
    """Buffers, plans and a stream.

    A shape that is seen for the first time runs on the lane's roaming plan, whose context is set to each such shape
    anew. Seen again, it gets a plan of its own. The first run of that is sent as it is, because TensorRT may allocate
    in it and plugins lay out weights, which no recording can hold; the next one is recorded as a CUDA graph.
    """

    def __init__(self, network: Network, cuda: Cuda) -> None:
        """Open a stream.

        Args:
            network: what runs.
            cuda: the GPU.
        """
        self._network, self._cuda = network, cuda
        self._device: dict[str, Any] = {}
        self._host: dict[str, NDArray[np.uint8]] = {}
        self._sizes: dict[str, int] = {}
        self._roaming: Plan | None = None
        self._seen: deque[Key] = deque(maxlen=SIGHTS)
        self._plans: OrderedDict[Key, Plan] = OrderedDict()
        with cuda.active():
            self._stream = cuda.stream()

    def run(self, inputs: Arrays) -> NDArray[np.float32]:
        """Upload, compute, download.

        Raises:
            OutOfMemoryError: the GPU has too little memory; the lane has given back all that it had.
            BackendError: what TensorRT said, or the lane is closed.
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
        """Give everything back; again does nothing."""
        if self._stream is None:
            return
        with self._cuda.active():
            self._release()
            self._stream.free()
        self._stream = None

    def _run(self, inputs: Arrays) -> NDArray[np.float32]:
        plan = self._plan_for(inputs)
        if not plan.is_bound:
            self._bind(plan, inputs)
        for name, array in inputs.items():
            self._host[name][: array.nbytes].view(array.dtype)[:] = array.ravel()
            if array.nbytes:
                self._cuda.upload(self._device[name], self._host[name][: array.nbytes], self._stream)
        self._execute(plan)
        result = self._host[self._network.output][: _bytes(plan.output)]
        self._cuda.download(result, self._device[self._network.output], self._stream)
        self._cuda.synchronize(self._stream)
        return result.view(np.float32).reshape(plan.output).copy()

    def _plan_for(self, inputs: Arrays) -> Plan:
        """The plan of the inputs' shapes, with buffers large enough."""
        key = tuple(array.shape for array in inputs.values())
        if key in self._plans:
            self._plans.move_to_end(key)
            return self._plans[key]
        if key not in self._seen:
            self._seen.append(key)
            return self._roam(inputs)
        self._seen.remove(key)  # should its plan go, it roams again first
        plan = Plan(self._network.create_context())
        self._set_shapes(plan, inputs)
        self._plans[key] = plan
        if len(self._plans) > PLANS:
            self._plans.popitem(last=False)[1].drop_graph()
        return plan

    def _roam(self, inputs: Arrays) -> Plan:
        if self._roaming is None:
            self._roaming = Plan(self._network.create_context())
        self._set_shapes(self._roaming, inputs)
        return self._roaming

    def _set_shapes(self, plan: Plan, inputs: Arrays) -> None:
        """Set a plan to the inputs' shapes, and make buffers large enough."""
        plan.unbind()
        self._network.set_shapes(plan.context, {name: array.shape for name, array in inputs.items()})
        plan.scratch = int(plan.context.update_device_memory_size_for_shapes())
        plan.output = tuple(int(side) for side in plan.context.get_tensor_shape(self._network.output))
        sizes = {name: array.nbytes for name, array in inputs.items()} | {self._network.output: _bytes(plan.output)}
        for name, size in sizes.items():
            self._reserve(name, size, pinned=True)
        self._reserve(_SCRATCH, plan.scratch, pinned=False)

    def _reserve(self, name: str, size: int, pinned: bool) -> None:
        """A buffer of at least this size; where one must grow, it moves, and no plan may use its old place."""
        size = -(-max(size, 1) // _ALIGNMENT) * _ALIGNMENT  # TensorRT wants an address for empty inputs too
        if size <= self._sizes.get(name, 0):
            return
        for plan in self._all_plans():
            plan.unbind()
        self._free(name)
        self._device[name] = self._cuda.allocate(size)
        if pinned:
            self._host[name] = self._cuda.allocate_host(size)
        self._sizes[name] = size

    def _bind(self, plan: Plan, inputs: Arrays) -> None:
        """Tell a plan where the buffers are."""
        plan.context.set_device_memory(int(self._device[_SCRATCH]), plan.scratch)
        for name in (*inputs, self._network.output):
            plan.context.set_tensor_address(name, int(self._device[name]))
        plan.is_bound = True

    def _execute(self, plan: Plan) -> None:
        """Send a run to the stream: as it is at first, recorded from the second time on."""
        plan.runs += 1
        if plan.graph is not None:
            plan.graph.launch(self._stream)
        elif plan.runs == 1 or not self._network.records_graphs or not self._record(plan):
            self._enqueue(plan)

    def _record(self, plan: Plan) -> bool:
        """Record a run and launch it; where that fails, no run is recorded any more."""
        try:
            plan.graph = self._cuda.record(self._stream, lambda: self._enqueue(plan))
            plan.graph.launch(self._stream)
        except BackendError as error:
            plan.drop_graph()
            self._network.records_graphs = False
            warnings.warn(f"{error}; the GPU is sent each kernel by itself", stacklevel=2)
            return False
        return True

    def _enqueue(self, plan: Plan) -> None:
        if not plan.context.execute_async_v3(self._stream.handle):
            raise self._network.failure()

    def _all_plans(self) -> list[Plan]:
        return [*self._plans.values(), *([self._roaming] if self._roaming else [])]

    def _free(self, name: str) -> None:
        self._sizes.pop(name, None)
        if name in self._device:
            self._device.pop(name).free()
        if name in self._host:
            self._cuda.free_host(self._host.pop(name))

    def _release(self) -> None:
        """Give everything back but the stream."""
        for plan in self._all_plans():
            plan.drop_graph()
        self._roaming = None
        self._plans.clear()
        self._seen.clear()
        for name in list(self._device):
            self._free(name)


def _bytes(shape: Shape) -> int:
    """Of a float32 tensor."""
    return int(np.prod(shape)) * 4
