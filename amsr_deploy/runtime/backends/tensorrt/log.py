"""Keeps TensorRT's messages for our own."""

from __future__ import annotations

import ctypes
import threading
from collections import deque
from collections.abc import Callable
from functools import cache
from types import ModuleType
from typing import Any

from amsr_deploy.errors import BackendError
from amsr_deploy.runtime.backends.base import OutOfMemoryError
from amsr_deploy.runtime.backends.tensorrt.edition import Edition

_NOTICES = ("Make sure input",)  # that an int64 input needs an int64 buffer, which it gets
_LONGEST = 300
MOST = 100
"""Errors, and warnings, that are kept: the last ones."""
_OUT_OF_MEMORY = ("out of memory", "outofmemory", "cudaerrormemoryallocation", "could not be allocated")
_unusable: list[Any] = []
"""What did not start: TensorRT 10.16 and 11 return objects that end the process where they are used or freed."""


class Log(threading.local):
    """Messages of TensorRT, each in one line. Each thread sees those of its own calls."""

    def __init__(self) -> None:
        self.errors: deque[str] = deque(maxlen=MOST)
        self.warnings: deque[str] = deque(maxlen=MOST)

    def summary(self) -> str:
        """Return the first error: those after it are its consequences."""
        return self.errors[0] if self.errors else "it does not say why"

    def failure(self, name: str) -> BackendError:
        """Make an error of what was said since the last one; any of the messages may name lack of memory."""
        said, summary = " ".join(self.errors).lower(), self.summary()
        self.clear()
        kind = OutOfMemoryError if any(phrase in said for phrase in _OUT_OF_MEMORY) else BackendError
        return kind(f"{name}: {summary}")

    def clear(self) -> None:
        """Forget what was said."""
        self.errors.clear()
        self.warnings.clear()

    def take(self, message: str, is_error: bool) -> None:
        """Keep a message."""
        line = " ".join(message.split())
        if not any(notice in line for notice in _NOTICES):
            (self.errors if is_error else self.warnings).append(line[:_LONGEST])


def start(edition: Edition, make: Callable[[Any], Any]) -> tuple[Any, Log]:
    """Start a `trt.Builder` or `trt.Runtime`, and return it with what is said from now on.

    Raises:
        BackendError: it does not start, as where the driver is older than its CUDA.
    """
    logger, log = logger_of(edition.trt)
    try:
        started = make(logger)
    except TypeError:  # what its binding makes of a null pointer
        started = None
    if started is None or log.errors:
        _unusable.append(started)
        said = [*log.errors, *log.warnings, "it does not say why"]
        raise BackendError(
            f"{edition.name} {edition.version} does not start: {said[0]}; "
            "its CUDA may be newer than the driver's (docs/deploy.md)"
        )
    return started, log


def logger_of(trt: ModuleType) -> tuple[Any, Log]:
    """Return the `trt.ILogger` of this process, and what it keeps from now on."""
    logger, log = _only_logger(trt)
    log.clear()
    return logger, log


@cache
def _only_logger(trt: ModuleType) -> tuple[Any, Log]:
    """Make the only logger of the process: TensorRT ignores all but the first one."""
    kept = Log()

    class Logger(trt.ILogger):  # type: ignore[name-defined, misc]
        def __init__(self) -> None:
            super().__init__()

        def log(self, severity: Any, message: str) -> None:
            if severity <= trt.ILogger.WARNING:
                kept.take(message, severity <= trt.ILogger.ERROR)

    return Logger(), kept


@cache
def error_sink(trt: ModuleType) -> Any:
    """Return a C function that keeps errors which do not come through the `trt.ILogger`, alive with the process."""
    _, kept = _only_logger(trt)

    def take(message: bytes) -> None:
        kept.take(message.decode(errors="replace"), is_error=True)

    return ctypes.CFUNCTYPE(None, ctypes.c_char_p)(take)
