"""The native library of the `amsr` operators: where it is, and what it runs on this CPU."""

from __future__ import annotations

import ctypes
import functools
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from amsr_deploy.errors import BackendError

if TYPE_CHECKING:
    import onnxruntime

ISA_VARIABLE = "AMSR_CPU_ISA"
"""Environment variable that names the instruction set to use."""
_INTERFACE_VERSION = 2
"""What `amsr_interface_version` in plugins/onnxruntime/library.cpp has to return."""
_NO_SUCH_SET = -2
"""What functions of plugins/onnxruntime/library.cpp return where AMSR_CPU_ISA names a set that cannot be used."""
_FILE = Path(__file__).with_name("amsr_onnxruntime.dll" if os.name == "nt" else "libamsr_onnxruntime.so")


@dataclass(frozen=True)
class NativeCode:
    """What the native library offers on this CPU."""

    library: Path
    instruction_set: str
    """The one in use: `avx512_bf16`, `avx512`, `avx2`, `neon` or `portable`."""
    available: tuple[str, ...]
    """All that could be used, best first."""


def library_path() -> Path | None:
    """Find the custom-operator library for ONNX Runtime; None where the package was installed without a compiler."""
    return _FILE if _FILE.is_file() else None


def register(options: onnxruntime.SessionOptions) -> NativeCode | None:
    """Let sessions with these options run the `amsr` operators natively, and describe what does.

    Returns:
        None where there is no library: ONNX Runtime then runs the operators as functions of standard ones.

    Raises:
        BackendError: see `inspect`.
    """
    code = inspect()
    if code is not None:
        options.register_custom_ops_library(str(code.library))
    return code


def inspect() -> NativeCode | None:
    """Describe what a session that is created now would use; None where there is no library.

    Raises:
        BackendError: the environment variable AMSR_CPU_ISA names an instruction set that cannot be used, or the library
            belongs to another version of the package.
    """
    library = load()
    return None if library is None else NativeCode(_FILE, _chosen_set(library), _available_sets(library))


def load() -> ctypes.CDLL | None:
    """Load the library for direct calls; None where there is none.

    Raises:
        BackendError: the library belongs to another version of the package.
    """
    path = library_path()
    return None if path is None else _open(path)


def _available_sets(library: ctypes.CDLL) -> tuple[str, ...]:
    return tuple(library.amsr_available_instruction_sets().decode().split())


def _chosen_set(library: ctypes.CDLL) -> str:
    """Name the instruction set of a session that is created now.

    Raises:
        BackendError: see `inspect`.
    """
    chosen = library.amsr_chosen_instruction_set()
    if chosen is None:
        raise _no_such_set(library)
    return str(chosen.decode())


def _no_such_set(library: ctypes.CDLL) -> BackendError:
    """Say which instruction sets there are."""
    names = ", ".join(_available_sets(library))
    wanted = os.environ.get(ISA_VARIABLE, "")
    return BackendError(f"{ISA_VARIABLE}={wanted} is not available here; use one of: {names}, or unset it")


@functools.cache
def _open(path: Path) -> ctypes.CDLL:
    library = ctypes.CDLL(str(path))
    if not hasattr(library, "amsr_interface_version") or library.amsr_interface_version() != _INTERFACE_VERSION:
        raise BackendError(f"{path} belongs to another version of amsr-deploy; install the package again")
    library.amsr_available_instruction_sets.restype = ctypes.c_char_p
    library.amsr_chosen_instruction_set.restype = ctypes.c_char_p
    size, number = ctypes.c_size_t, ctypes.c_float
    floats, integers, flags = (
        np.ctypeslib.ndpointer(kind, flags="C_CONTIGUOUS") for kind in (np.float32, np.int64, np.bool_)
    )
    address = ctypes.c_void_p
    for name, arguments in {
        "amsr_high_frequencies": [floats, size, size, floats, number, floats],
        "amsr_histogram": [floats, size, integers, size],
        "amsr_mask_above": [floats, size, size, number, size, flags],
        "amsr_interleave": [address, size, size, size, size, ctypes.c_bool, size, address, size],
    }.items():
        function = getattr(library, name)
        function.argtypes, function.errcheck = arguments, functools.partial(_answer, library)
    return library


def _answer(library: ctypes.CDLL, answer: int, *_: object) -> bool:
    """Return what a function of the library answers.

    Raises:
        BackendError: AMSR_CPU_ISA names an instruction set that cannot be used.
        MemoryError: it found too little memory.
    """
    if answer == _NO_SUCH_SET:
        raise _no_such_set(library)
    if answer < 0:
        raise MemoryError
    return answer != 0
