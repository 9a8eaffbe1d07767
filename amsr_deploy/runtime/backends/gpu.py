"""Finds the GPU through the NVIDIA driver, without any package."""

from __future__ import annotations

import ctypes
import platform
from dataclasses import dataclass
from typing import Any

from amsr_deploy.errors import BackendError

_LIBRARY = "nvcuda.dll" if platform.system() == "Windows" else "libcuda.so.1"
_MAJOR, _MINOR = 75, 76  # CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, _MINOR
_NO_DEVICE = 100  # CUDA_ERROR_NO_DEVICE


@dataclass(frozen=True)
class Gpu:
    """The first NVIDIA GPU; CUDA_VISIBLE_DEVICES decides which one that is."""

    name: str
    compute_capability: tuple[int, int]
    memory: int
    """Bytes."""
    driver: tuple[int, int]
    """The newest CUDA version that the driver supports."""

    @property
    def architecture(self) -> str:
        """As compilers write it: `sm_87`."""
        return "sm_{}{}".format(*self.compute_capability)

    def __str__(self) -> str:
        return (
            f"{self.name} ({self.architecture}, {self.memory / 2**30:.0f} GiB, "
            f"driver for CUDA {self.driver[0]}.{self.driver[1]})"
        )


def find_gpu() -> Gpu:
    """Find the GPU of this machine.

    Raises:
        BackendError: there is no driver, or it has no GPU; says which.
    """
    try:
        driver = ctypes.CDLL(_LIBRARY)
    except OSError as error:
        raise BackendError(f"no NVIDIA driver here ({_LIBRARY} is not found)") from error
    _call(driver, "cuInit", 0)
    version = _ask_number(driver, "cuDriverGetVersion")
    device = _ask_number(driver, "cuDeviceGet", 0)
    name = ctypes.create_string_buffer(256)
    _call(driver, "cuDeviceGetName", name, len(name), device)
    memory = ctypes.c_size_t()
    _call(driver, "cuDeviceTotalMem_v2", ctypes.byref(memory), device)
    major, minor = (_ask_number(driver, "cuDeviceGetAttribute", attribute, device) for attribute in (_MAJOR, _MINOR))
    return Gpu(name.value.decode(), (major, minor), memory.value, (version // 1000, version % 1000 // 10))


def _ask_number(driver: Any, function: str, *arguments: int) -> int:
    """Call a function of the driver, and return what it writes to its first argument."""
    result = ctypes.c_int()
    _call(driver, function, ctypes.byref(result), *arguments)
    return result.value


def _call(driver: Any, function: str, *arguments: Any) -> None:
    """Raise BackendError where a function of the driver fails."""
    code = getattr(driver, function)(*arguments)
    if code == _NO_DEVICE:
        raise BackendError("the NVIDIA driver finds no GPU")
    if code:
        raise BackendError(f"the NVIDIA driver does not work ({function}: error {code}); nvidia-smi may show why")
