"""One stream of the GPU with buffers of its own: runs pictures one after the other, beside other lanes."""

from __future__ import annotations

import warnings
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from amsr_deploy.errors import BackendError
from amsr_deploy.runtime.backend import OutOfMemoryError

PLANS = 16
"""Shapes that a lane keeps prepared; the one that was not used for the longest time goes first."""
_ALIGNMENT = 256
_SCRATCH = ""  # name of the buffer that plans compute in

Arrays = Mapping[str, NDArray[Any]]
Shape = tuple[int, ...]


class Network(Protocol):
    """A loaded engine, as far as lanes need it."""

    output: str
    """Name of its output, float32."""
    records_graphs: bool
    """Whether runs are to be recorded as CUDA graphs: not where TensorRT does so by itself."""

    def prepare(self, shapes: Mapping[str, Shape]) -> Any:
        """A `trt.IExecutionContext` for input shapes, without memory of its own."""

    def failure(self) -> BackendError:
        """What TensorRT said about a run that failed."""


class Plan:
    """What is prepared for the shapes of one picture."""

    def __init__(self, context: Any, scratch: int, output: Shape) -> None:
        self.context, self.scratch, self.output = context, scratch, output
        self.runs = 0
        self.graph: Any = None


class Lane:
    """Buffers, plans and a stream."""

    def __init__(self, network: Network, cuda: Any) -> None:
        """Open a stream.

        Args:
            network: what runs.
            cuda: `runtime.cuda.Cuda`.
        """
        self._network, self._cuda = network, cuda
        self._device: dict[str, Any] = {}
        self._host: dict[str, NDArray[np.uint8]] = {}
        self._sizes: dict[str, int] = {}
        self._plans: OrderedDict[tuple[Shape, ...], Plan] = OrderedDict()
        with cuda.active():
            self._stream = cuda.stream()

    def run(self, inputs: Arrays) -> NDArray[np.float32]:
        """Upload, compute, download.

        Raises:
            OutOfMemoryError: the GPU has too little memory; the lane has given back all that it had.
            BackendError: what TensorRT said.
        """
        with self._cuda.active():
            try:
                return self._run(inputs)
            except OutOfMemoryError:
                self._release()
                raise

    def _run(self, inputs: Arrays) -> NDArray[np.float32]:
        plan = self._plan_for(inputs)
        for name, array in inputs.items():
            self._host[name][: array.nbytes].view(array.dtype)[:] = array.ravel()
        sizes = {name: array.nbytes for name, array in inputs.items()}
        self._execute(plan, sizes)
        self._cuda.synchronize(self._stream)
        return self._host[self._network.output][: _bytes(plan.output)].view(np.float32).reshape(plan.output).copy()

    def _plan_for(self, inputs: Arrays) -> Plan:
        """The plan of the inputs' shapes, with buffers large enough."""
        key = tuple(array.shape for array in inputs.values())
        plan = self._plans.get(key)
        if plan is None:
            plan = self._plans[key] = self._make_plan(inputs)
            if len(self._plans) > PLANS:
                self._forget(next(iter(self._plans)))
        self._plans.move_to_end(key)
        return plan

    def _make_plan(self, inputs: Arrays) -> Plan:
        context = self._network.prepare({name: array.shape for name, array in inputs.items()})
        scratch = int(context.update_device_memory_size_for_shapes())
        output = tuple(int(side) for side in context.get_tensor_shape(self._network.output))
        sizes = {name: array.nbytes for name, array in inputs.items()} | {self._network.output: _bytes(output)}
        for name, size in sizes.items():
            self._reserve(name, size, pinned=True)
        self._reserve(_SCRATCH, scratch, pinned=False)
        return Plan(context, scratch, output)

    def _reserve(self, name: str, size: int, pinned: bool) -> None:
        """A buffer of at least this size; one that must grow moves, and recorded runs point to its old place."""
        size = -(-max(size, 1) // _ALIGNMENT) * _ALIGNMENT  # TensorRT wants an address for empty inputs too
        if size <= self._sizes.get(name, 0):
            return
        for plan in self._plans.values():
            _drop_graph(plan)
            plan.runs = 0  # the first run with other buffers cannot be recorded
        if name in self._device:
            self._sizes.pop(name)
            self._device.pop(name).free()
            self._host.pop(name, None)
        self._device[name] = self._cuda.allocate(size)
        if pinned:
            self._host[name] = self._cuda.allocate_host(size)
        self._sizes[name] = size

    def _execute(self, plan: Plan, sizes: Mapping[str, int]) -> None:
        """Send a run to the stream: as it is at first, recorded from the second time on."""
        plan.runs += 1
        if plan.graph is None and plan.runs > 1 and self._network.records_graphs:
            self._record(plan, sizes)
        if plan.graph is not None:
            plan.graph.launch(self._stream)
        else:
            self._enqueue(plan, sizes)

    def _record(self, plan: Plan, sizes: Mapping[str, int]) -> None:
        try:
            plan.graph = self._cuda.record(self._stream, lambda: self._enqueue(plan, sizes))
        except BackendError as error:
            self._network.records_graphs = False
            warnings.warn(f"{error}; the GPU is sent each kernel by itself", stacklevel=2)

    def _enqueue(self, plan: Plan, sizes: Mapping[str, int]) -> None:
        output, stream = self._network.output, self._stream
        plan.context.set_device_memory(int(self._device[_SCRATCH]), plan.scratch)
        for name, size in sizes.items():
            plan.context.set_tensor_address(name, int(self._device[name]))
            if size:
                self._cuda.upload(self._device[name], self._host[name][:size], stream)
        plan.context.set_tensor_address(output, int(self._device[output]))
        if not plan.context.execute_async_v3(stream.handle):
            raise self._network.failure()
        self._cuda.download(self._host[output][: _bytes(plan.output)], self._device[output], stream)

    def _forget(self, key: tuple[Shape, ...]) -> None:
        _drop_graph(self._plans.pop(key))

    def _release(self) -> None:
        """Give everything back but the stream."""
        for key in list(self._plans):
            self._forget(key)
        for memory in self._device.values():
            memory.free()
        self._device, self._host, self._sizes = {}, {}, {}


def _drop_graph(plan: Plan) -> None:
    if plan.graph is not None:
        plan.graph.free()
        plan.graph = None


def _bytes(shape: Shape) -> int:
    """Of a float32 tensor."""
    return int(np.prod(shape)) * 4
