"""`cuda.bindings.driver` over main memory: takes what cuda-bindings takes, and refuses what a driver would refuse."""

from __future__ import annotations

import ctypes
import enum
from types import ModuleType
from typing import Any

Result = tuple[Any, ...]


class CUresult(enum.IntEnum):
    """Error codes of the driver."""

    CUDA_SUCCESS = 0
    CUDA_ERROR_INVALID_VALUE = 1
    CUDA_ERROR_OUT_OF_MEMORY = 2
    CUDA_ERROR_INVALID_CONTEXT = 201
    CUDA_ERROR_ILLEGAL_ADDRESS = 700
    CUDA_ERROR_STREAM_CAPTURE_INVALIDATED = 901


class CUstreamCaptureMode(enum.IntEnum):
    """Modes of captures."""

    CU_STREAM_CAPTURE_MODE_GLOBAL = 0
    CU_STREAM_CAPTURE_MODE_THREAD_LOCAL = 1


class Handle:
    """CUstream and its like: an object that is a number."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __int__(self) -> int:
        return self.number


OK = CUresult.CUDA_SUCCESS
DEVICE, CONTEXT, STREAM, GRAPH, EXECUTABLE = (Handle(number) for number in (0, 11, 12, 13, 14))


class FakeDriver(ModuleType):
    """The module.

    Attributes:
        failures: error code, or exception, by the function that fails with it.
        calls: names of the functions that were called.
        held: what was given and not returned.
    """

    CUstreamCaptureMode = CUstreamCaptureMode

    def __init__(self) -> None:
        super().__init__("cuda.bindings.driver")
        self.failures: dict[str, CUresult | Exception] = {}
        self.calls: list[str] = []
        self.held: set[str] = set()
        self.depth = 0
        self.buffers: dict[int, Any] = {}
        self.is_capturing = False

    def __getattribute__(self, name: str) -> Any:
        value = super().__getattribute__(name)
        return (lambda *arguments: self._run(name, value, arguments)) if name.startswith("cu") else value

    def _run(self, name: str, function: Any, arguments: tuple[Any, ...]) -> Result:
        self.calls.append(name)
        failure = self.failures.get(name)
        if isinstance(failure, Exception):
            raise failure
        if failure is not None:
            return failure, *([None] * (name not in ("cuInit", "cuGraphLaunch", "cuStreamSynchronize")))
        if not name.startswith(("cuInit", "cuDevice", "cuCtx")) and self.depth == 0:
            return (CUresult.CUDA_ERROR_INVALID_CONTEXT,)
        result: Result = function(*arguments)
        return result

    def cuInit(self, flags: int) -> Result:  # noqa: N802
        assert flags == 0
        return (OK,)

    def cuDeviceGet(self, ordinal: int) -> Result:  # noqa: N802
        assert ordinal == 0
        return OK, DEVICE

    def cuDevicePrimaryCtxRetain(self, device: Handle) -> Result:  # noqa: N802
        assert device is DEVICE
        self.held.add("context")
        return OK, CONTEXT

    def cuDevicePrimaryCtxRelease(self, device: Handle) -> Result:  # noqa: N802
        assert device is DEVICE
        self.held.remove("context")
        return (OK,)

    def cuCtxPushCurrent(self, context: Handle) -> Result:  # noqa: N802
        assert context is CONTEXT
        self.depth += 1
        return (OK,)

    def cuCtxPopCurrent(self) -> Result:  # noqa: N802
        self.depth -= 1
        return OK, CONTEXT

    def cuStreamCreate(self, flags: int) -> Result:  # noqa: N802
        assert flags == 1, "it must not wait for the default stream"
        self.held.add("stream")
        return OK, STREAM

    def cuStreamDestroy(self, stream: Handle) -> Result:  # noqa: N802
        assert stream is STREAM
        self.held.remove("stream")
        return (OK,)

    def cuStreamSynchronize(self, stream: int) -> Result:  # noqa: N802
        assert stream == int(STREAM)
        return (OK,)

    def _give(self, size: int) -> int:
        assert size > 0
        buffer = (ctypes.c_uint8 * size)()
        address = ctypes.addressof(buffer)
        self.buffers[address] = buffer
        return address

    def cuMemAlloc(self, size: int) -> Result:  # noqa: N802
        return OK, Handle(self._give(size))

    def cuMemFree(self, pointer: Handle) -> Result:  # noqa: N802
        del self.buffers[int(pointer)]
        return (OK,)

    def cuMemAllocHost(self, size: int) -> Result:  # noqa: N802
        return OK, self._give(size)

    def cuMemFreeHost(self, address: int) -> Result:  # noqa: N802
        del self.buffers[address]
        return (OK,)

    def _copy(self, target: int, source: int, size: int, stream: int) -> Result:
        assert stream == int(STREAM)
        assert {type(each) for each in (target, source, size)} == {int}
        ctypes.memmove(target, source, size)
        return (OK,)

    cuMemcpyHtoDAsync = cuMemcpyDtoHAsync = _copy  # noqa: N815

    def cuStreamBeginCapture(self, stream: int, mode: CUstreamCaptureMode) -> Result:  # noqa: N802
        assert (stream, mode) == (int(STREAM), CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL)
        self.is_capturing = True
        return (OK,)

    def cuStreamEndCapture(self, stream: int) -> Result:  # noqa: N802
        assert stream == int(STREAM)
        assert self.is_capturing
        self.is_capturing = False
        self.held.add("graph")
        return OK, GRAPH

    def cuGraphInstantiate(self, graph: Handle, flags: int) -> Result:  # noqa: N802
        assert (graph, flags) == (GRAPH, 0)
        self.held.add("executable")
        return OK, EXECUTABLE

    def cuGraphDestroy(self, graph: Handle) -> Result:  # noqa: N802
        assert graph is GRAPH
        self.held.remove("graph")
        return (OK,)

    def cuGraphLaunch(self, executable: Handle, stream: int) -> Result:  # noqa: N802
        assert (executable, stream) == (EXECUTABLE, int(STREAM))
        return (OK,)

    def cuGraphExecDestroy(self, executable: Handle) -> Result:  # noqa: N802
        assert executable is EXECUTABLE
        self.held.remove("executable")
        return (OK,)
