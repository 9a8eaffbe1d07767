"""CUDA through PyCUDA; CUDA graphs through cuda-bindings on the same context."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from amsr_deploy.errors import BackendError
from amsr_deploy.runtime.backends.base import OutOfMemoryError
from amsr_deploy.runtime.backends.tensorrt.cuda_bindings import NON_BLOCKING, Driver, Graph, capture
from amsr_deploy.wording import first_line


class Stream:
    """A stream of PyCUDA, which frees it with its last reference."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream

    @property
    def handle(self) -> int:
        """What TensorRT takes."""
        return int(self.stream.handle)

    def free(self) -> None:
        """Free it."""
        self.stream = None


class PyCuda:
    """`cuda.Cuda` over PyCUDA."""

    def __init__(self, pycuda: Any, driver: Driver | None) -> None:
        """Open the GPU.

        Args:
            pycuda: `pycuda.driver`.
            driver: captures graphs; None where cuda-bindings is not installed.

        Raises:
            BackendError: the driver does not work.
        """
        self._pycuda, self._driver = pycuda, driver
        self.has_graphs = driver is not None
        try:
            pycuda.init()
            self._context = pycuda.Device(0).retain_primary_context()
        except pycuda.Error as error:
            raise BackendError(f"the GPU cannot be opened: {first_line(error)}") from error
        weakref.finalize(self, self._context.detach)  # PyCUDA's own clean-up would treat it as a context of its making

    @contextmanager
    def active(self) -> Iterator[None]:
        """See `Cuda`."""
        self._context.push()
        try:
            yield
        finally:
            self._context.pop()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Translate PyCUDA's errors into ours; those of kernels are raised by whatever call comes next."""
        try:
            yield
        except self._pycuda.Error as error:
            raise BackendError(f"the GPU failed: {first_line(error)}") from error

    def stream(self) -> Stream:
        """See `Cuda`."""
        with self._translated():
            return Stream(self._pycuda.Stream(NON_BLOCKING))

    def synchronize(self, stream: Stream) -> None:
        """See `Cuda`."""
        with self._translated():
            stream.stream.synchronize()

    def allocate(self, size: int) -> Any:
        """See `Cuda`."""
        try:
            with self._translated():
                return self._pycuda.mem_alloc(size)
        except BackendError as error:
            if not isinstance(error.__cause__, self._pycuda.MemoryError):
                raise
            raise OutOfMemoryError(f"the GPU has no {size / 2**20:.0f} MiB left") from error

    def allocate_host(self, size: int) -> NDArray[np.uint8]:
        """See `Cuda`."""
        try:
            return self._pycuda.pagelocked_empty(size, np.uint8)
        except self._pycuda.Error as error:
            raise OutOfMemoryError(f"no {size / 2**20:.0f} MiB of main memory can be pinned") from error

    def free_host(self, memory: NDArray[np.uint8]) -> None:
        """See `Cuda`."""
        allocation: Any = memory.base
        allocation.free()

    def upload(self, target: Any, source: NDArray[np.uint8], stream: Stream) -> None:
        """See `Cuda`."""
        with self._translated():
            self._pycuda.memcpy_htod_async(target, source, stream.stream)

    def download(self, target: NDArray[np.uint8], source: Any, stream: Stream) -> None:
        """See `Cuda`."""
        with self._translated():
            self._pycuda.memcpy_dtoh_async(target, source, stream.stream)

    def capture(self, stream: Stream, work: Callable[[], None]) -> Graph:
        """See `Cuda`."""
        assert self._driver is not None, "without cuda-bindings there are no graphs"
        return capture(self._driver, stream.handle, work)
