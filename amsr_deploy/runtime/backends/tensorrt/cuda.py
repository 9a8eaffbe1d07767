"""CUDA as the runtime needs it: through PyCUDA where that is installed, else through NVIDIA's cuda-bindings alone."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import ModuleType
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from amsr_deploy.dependencies import install_extra
from amsr_deploy.errors import BackendError
from amsr_deploy.runtime.backends.tensorrt.cuda_bindings import BindingsCuda, Driver, find_driver, mismatch
from amsr_deploy.runtime.backends.tensorrt.cuda_pycuda import PyCuda
from amsr_deploy.wording import first_line

INSTALL = (
    f"neither PyCUDA nor cuda-bindings is installed; for a driver of CUDA 13 run: {install_extra('cuda13')}, "
    f"for CUDA 12 and JetPack 6: {install_extra('cuda12')} (docs/deploy.md)"
)

_log = logging.getLogger(__name__)


class Cuda(Protocol):
    """The first GPU's primary context: the one that TensorRT works in as well.

    All errors are BackendErrors, lack of memory is an OutOfMemoryError. All methods but `active` need the context
    to be that of the calling thread.
    """

    has_graphs: bool
    """Whether runs can be captured as CUDA graphs."""

    def active(self) -> AbstractContextManager[None]:
        """Make the context that of the calling thread."""

    def stream(self) -> Any:
        """Create a stream that does not wait for the default one; TensorRT takes its `.handle`, `.free()` frees it."""

    def synchronize(self, stream: Any) -> None:
        """Wait until a stream has done its work."""

    def allocate(self, size: int) -> Any:
        """Allocate bytes of GPU memory, aligned for TensorRT; `int()` is their address, `.free()` frees them."""

    def allocate_host(self, size: int) -> NDArray[np.uint8]:
        """Allocate bytes of main memory that the GPU copies to and from while the processor works on."""

    def free_host(self, memory: NDArray[np.uint8]) -> None:
        """Free what `allocate_host` gave; nothing may use it any more."""

    def upload(self, target: Any, source: NDArray[np.uint8], stream: Any) -> None:
        """Copy pinned memory to the GPU, in the order of the stream."""

    def download(self, target: NDArray[np.uint8], source: Any, stream: Any) -> None:
        """Copy from the GPU to pinned memory, in the order of the stream."""

    def capture(self, stream: Any, work: Callable[[], None]) -> Any:
        """Capture what `work` sends to a stream, without running it: `.launch(stream)` runs it, `.free()` frees it."""


def open_cuda() -> Cuda:
    """Open the GPU.

    Raises:
        BackendError: neither package loads, or the driver does not work.
    """
    pycuda, problem = _find_pycuda()
    driver = find_driver()
    if pycuda is not None:
        return PyCuda(pycuda, driver)
    if driver is None:
        raise BackendError(problem or INSTALL)
    if problem:
        _log.warning("%s; cuda-bindings %s takes its place", problem, driver.version)
    return BindingsCuda(driver)


def describe() -> str:
    """Describe what `open_cuda` would take on this machine."""
    pycuda, problem = _find_pycuda()
    driver = find_driver()
    if pycuda is None and driver is None:
        return f"missing: engines cannot run; {problem or INSTALL}"
    parts = ["PyCUDA" if pycuda is not None else "cuda-bindings alone, without PyCUDA", problem, _graphs(driver)]
    return "; ".join(part for part in parts if part)


def _graphs(driver: Driver | None) -> str:
    if driver is None:
        return "no CUDA graphs, because cuda-bindings is missing"
    return mismatch(driver.version) or f"CUDA graphs by cuda-bindings {driver.version}"


def _find_pycuda() -> tuple[ModuleType | None, str]:
    """Find the driver module of PyCUDA, or None and what is wrong with an installed one."""
    try:
        return importlib.import_module("pycuda.driver"), ""
    except ModuleNotFoundError:
        return None, ""
    except ImportError as error:  # its libcuda is missing or too old
        return None, f"PyCUDA does not load: {first_line(error)}; build it again (docs/deploy.md)"
