"""CUDA through PyCUDA: context, memory, streams; CUDA graphs through NVIDIA's cuda-bindings on the same context."""

from __future__ import annotations

import atexit
import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from amsr_deploy.errors import BackendError, first_line
from amsr_deploy.runtime.backend import OutOfMemoryError

INSTALL = (
    "PyCUDA is not installed; it is built against the CUDA toolkit on your machine: pip install 'amsr-deploy[cuda]' "
    "(docs/deploy.md)"
)
_NON_BLOCKING = 1  # CU_STREAM_NON_BLOCKING: what goes on in the default stream would spoil a recording
_CAPTURE_ERROR = "this run cannot be recorded as a CUDA graph"


class Cuda:
    """The first GPU's primary context: the one that TensorRT works in as well."""

    def __init__(self) -> None:
        """Open the GPU.

        Raises:
            BackendError: PyCUDA is missing or does not load, or the driver does not work.
        """
        try:
            import pycuda.driver as driver
        except ModuleNotFoundError as error:
            raise BackendError(INSTALL) from error
        except ImportError as error:  # its libcuda is missing or too old
            raise BackendError(f"PyCUDA does not load: {first_line(error)}; build it again (docs/deploy.md)") from error
        self._driver = driver
        try:
            driver.init()
            self._context = driver.Device(0).retain_primary_context()
        except driver.Error as error:
            raise BackendError(f"the GPU cannot be opened: {first_line(error)}") from error
        atexit.register(self._context.detach)  # PyCUDA's own clean-up would treat it as a context of its making
        self._bindings = _load_bindings()

    @property
    def has_graphs(self) -> bool:
        """Whether runs can be recorded: cuda-bindings is installed."""
        return self._bindings is not None

    @contextmanager
    def active(self) -> Iterator[None]:
        """Make the context that of the calling thread; all other methods need that."""
        self._context.push()
        try:
            yield
        finally:
            self._context.pop()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Errors of PyCUDA as our own; those of kernels come out of whatever call is next."""
        try:
            yield
        except self._driver.Error as error:
            raise BackendError(f"the GPU failed: {first_line(error)}") from error

    def stream(self) -> Any:
        """A new stream, which does not wait for the default one; `.handle` is what TensorRT takes."""
        with self._translated():
            return self._driver.Stream(_NON_BLOCKING)

    def synchronize(self, stream: Any) -> None:
        """Wait until all that a stream was sent is done."""
        with self._translated():
            stream.synchronize()

    def allocate(self, size: int) -> Any:
        """Memory of the GPU in bytes, aligned for TensorRT; `int()` is its address, `.free()` returns it.

        Raises:
            OutOfMemoryError: there is not that much.
        """
        try:
            return self._driver.mem_alloc(size)
        except self._driver.MemoryError as error:
            raise OutOfMemoryError(f"the GPU has no {size / 2**20:.0f} MiB left") from error

    def allocate_host(self, size: int) -> NDArray[np.uint8]:
        """Bytes of main memory that the GPU copies to and from while the processor goes on.

        Raises:
            OutOfMemoryError: there is not that much.
        """
        try:
            return self._driver.pagelocked_empty(size, np.uint8)
        except self._driver.Error as error:
            raise OutOfMemoryError(f"no {size / 2**20:.0f} MiB of main memory can be pinned") from error

    def upload(self, target: Any, source: NDArray[np.uint8], stream: Any) -> None:
        """Copy pinned memory to the GPU, in the order of the stream."""
        with self._translated():
            self._driver.memcpy_htod_async(target, source, stream)

    def download(self, target: NDArray[np.uint8], source: Any, stream: Any) -> None:
        """Copy from the GPU to pinned memory, in the order of the stream."""
        with self._translated():
            self._driver.memcpy_dtoh_async(target, source, stream)

    def record(self, stream: Any, work: Callable[[], None]) -> Graph:
        """Record what `work` sends to a stream, without running it.

        Raises:
            BackendError: it cannot be recorded.
        """
        bindings = self._bindings
        this_thread_only = bindings.CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL
        _check(bindings.cuStreamBeginCapture(stream.handle, this_thread_only))
        try:
            work()
        finally:
            code, graph = bindings.cuStreamEndCapture(stream.handle)
        _check((code,))
        try:
            return Graph(bindings, *_check(bindings.cuGraphInstantiate(graph, 0)))
        finally:
            bindings.cuGraphDestroy(graph)


class Graph:
    """A recorded run."""

    def __init__(self, bindings: Any, executable: Any) -> None:
        self._bindings, self._executable = bindings, executable

    def launch(self, stream: Any) -> None:
        """Run it on a stream."""
        _check(self._bindings.cuGraphLaunch(self._executable, stream.handle))

    def free(self) -> None:
        """Return what it holds; it cannot be launched again."""
        self._bindings.cuGraphExecDestroy(self._executable)


def _load_bindings() -> Any:
    """The driver module of cuda-bindings, or None."""
    try:
        return importlib.import_module("cuda.bindings.driver")
    except ImportError:
        return None


def _check(result: tuple[Any, ...]) -> tuple[Any, ...]:
    """What a call of cuda-bindings returned, without its error code."""
    code, *values = result
    if int(code):
        raise BackendError(f"{_CAPTURE_ERROR}: {code}")
    return tuple(values)
