"""CUDA through NVIDIA's cuda-bindings, which come as wheels: nothing has to be compiled."""

from __future__ import annotations

import ctypes
import importlib
import importlib.metadata
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from amsr_deploy.errors import BackendError
from amsr_deploy.runtime.backends.base import OutOfMemoryError
from amsr_deploy.runtime.backends.gpu import find_gpu
from amsr_deploy.wording import first_line

NON_BLOCKING = 1  # CU_STREAM_NON_BLOCKING: work in the default stream would break a capture
_OUT_OF_MEMORY = 2  # CUDA_ERROR_OUT_OF_MEMORY


class Driver:
    """The functions of NVIDIA's driver."""

    def __init__(self, module: Any, version: str) -> None:
        """Take the functions of a module.

        Args:
            module: `cuda.bindings.driver`.
            version: of cuda-bindings.
        """
        self._module, self.version = module, version

    @property
    def this_thread_only(self) -> Any:
        """The mode of captures that ignores other threads."""
        return self._module.CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL

    def call(self, function: str, *arguments: Any) -> Any:
        """Call a function, and return what it gives beside its error code: a value or None.

        Raises:
            OutOfMemoryError: the driver says so.
            BackendError: another error of the driver, or of cuda-bindings: a function that this driver does not have, a
                driver that does not load, arguments of another version.
        """
        try:
            code, *values = getattr(self._module, function)(*arguments)
        except Exception as error:  # of types that differ between its versions
            advice = mismatch(self.version)
            raise BackendError(
                f"cuda-bindings {self.version} failed ({function}: {first_line(error)})" + (advice and f"; {advice}")
            ) from error
        if int(code):
            kind = OutOfMemoryError if int(code) == _OUT_OF_MEMORY else BackendError
            raise kind(f"the GPU failed ({function}: {getattr(code, 'name', code)})")
        return values[0] if values else None

    def release(self, function: str, argument: Any) -> None:
        """Call a function that frees something; errors are ignored, as nothing is left to free on a failed GPU."""
        with suppress(BackendError):
            self.call(function, argument)


class Graph:
    """A captured run."""

    def __init__(self, driver: Driver, executable: Any) -> None:
        self._driver, self._executable = driver, executable

    def launch(self, stream: Any) -> None:
        """Run it on a stream."""
        self._driver.call("cuGraphLaunch", self._executable, stream.handle)

    def free(self) -> None:
        """Free what it holds; it cannot be launched again."""
        self._driver.release("cuGraphExecDestroy", self._executable)


class Stream:
    """A stream."""

    def __init__(self, driver: Driver) -> None:
        self._driver, self._stream = driver, driver.call("cuStreamCreate", NON_BLOCKING)

    @property
    def handle(self) -> int:
        """What TensorRT takes."""
        return int(self._stream)

    def free(self) -> None:
        """Free it."""
        self._driver.release("cuStreamDestroy", self._stream)


class Memory:
    """Memory of the GPU; as a number, its address."""

    def __init__(self, driver: Driver, size: int) -> None:
        self._driver, self._pointer = driver, driver.call("cuMemAlloc", size)

    def __int__(self) -> int:
        return int(self._pointer)

    def free(self) -> None:
        """Free it."""
        self._driver.release("cuMemFree", self._pointer)


class BindingsCuda:
    """`cuda.Cuda` over cuda-bindings alone."""

    has_graphs = True

    def __init__(self, driver: Driver) -> None:
        """Open the GPU.

        Raises:
            BackendError: the driver does not work.
        """
        self._driver = driver
        try:
            driver.call("cuInit", 0)
            device = driver.call("cuDeviceGet", 0)
            self._context = driver.call("cuDevicePrimaryCtxRetain", device)
        except BackendError as error:
            raise BackendError(f"the GPU cannot be opened: {error}") from error
        weakref.finalize(self, driver.release, "cuDevicePrimaryCtxRelease", device)

    @contextmanager
    def active(self) -> Iterator[None]:
        """See `Cuda`."""
        self._driver.call("cuCtxPushCurrent", self._context)
        try:
            yield
        finally:
            self._driver.call("cuCtxPopCurrent")

    def stream(self) -> Stream:
        """See `Cuda`."""
        return Stream(self._driver)

    def synchronize(self, stream: Stream) -> None:
        """See `Cuda`."""
        self._driver.call("cuStreamSynchronize", stream.handle)

    def allocate(self, size: int) -> Memory:
        """See `Cuda`."""
        try:
            return Memory(self._driver, size)
        except OutOfMemoryError as error:
            raise OutOfMemoryError(f"the GPU has no {size / 2**20:.0f} MiB left") from error

    def allocate_host(self, size: int) -> NDArray[np.uint8]:
        """See `Cuda`."""
        try:
            address = int(self._driver.call("cuMemAllocHost", size))
        except BackendError as error:
            raise OutOfMemoryError(f"no {size / 2**20:.0f} MiB of main memory can be pinned") from error
        return np.ctypeslib.as_array((ctypes.c_uint8 * size).from_address(address))

    def free_host(self, memory: NDArray[np.uint8]) -> None:
        """See `Cuda`."""
        self._driver.release("cuMemFreeHost", memory.ctypes.data)

    def upload(self, target: Any, source: NDArray[np.uint8], stream: Stream) -> None:
        """See `Cuda`."""
        self._driver.call("cuMemcpyHtoDAsync", int(target), source.ctypes.data, source.nbytes, stream.handle)

    def download(self, target: NDArray[np.uint8], source: Any, stream: Stream) -> None:
        """See `Cuda`."""
        self._driver.call("cuMemcpyDtoHAsync", target.ctypes.data, int(source), target.nbytes, stream.handle)

    def capture(self, stream: Stream, work: Callable[[], None]) -> Graph:
        """See `Cuda`."""
        return capture(self._driver, stream.handle, work)


def capture(driver: Driver, stream: int, work: Callable[[], None]) -> Graph:
    """Capture what `work` sends to a stream, without running it.

    Raises:
        BackendError: it cannot be captured.
    """
    try:
        graph = _captured(driver, stream, work)
        try:
            return Graph(driver, driver.call("cuGraphInstantiate", graph, 0))
        finally:
            driver.release("cuGraphDestroy", graph)
    except BackendError as error:
        raise BackendError(f"this run cannot be captured as a CUDA graph: {error}") from error


def _captured(driver: Driver, stream: int, work: Callable[[], None]) -> Any:
    driver.call("cuStreamBeginCapture", stream, driver.this_thread_only)
    try:
        work()
    except BaseException:  # ends the capture, so that the stream can run again
        with suppress(BackendError):
            driver.release("cuGraphDestroy", driver.call("cuStreamEndCapture", stream))
        raise
    return driver.call("cuStreamEndCapture", stream)


def find_driver() -> Driver | None:
    """Find the driver, where cuda-bindings is installed."""
    try:
        module = importlib.import_module("cuda.bindings.driver")
    except (ImportError, OSError, RuntimeError):
        return None
    try:
        return Driver(module, importlib.metadata.version("cuda-bindings"))
    except importlib.metadata.PackageNotFoundError:
        return Driver(module, "of unknown version")


def mismatch(version: str) -> str:
    """Say what to do where a version of cuda-bindings is newer than the driver's CUDA; empty where it is not."""
    major = version.partition(".")[0]
    try:
        newest = find_gpu().driver
    except BackendError:
        return ""
    if not major.isdigit() or int(major) <= newest[0]:
        return ""
    return (
        f"cuda-bindings {version} is for drivers of CUDA {major}, this one knows CUDA {newest[0]}.{newest[1]}: "
        f'pip install "cuda-bindings<{newest[0] + 1}"'
    )
