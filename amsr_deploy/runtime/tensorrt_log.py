"""What TensorRT says, kept for our own messages."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

_NOTICES = ("Make sure input",)  # that an int64 input needs an int64 buffer, which it gets
_LONGEST = 300


@dataclass
class Log:
    """Messages of TensorRT, each in one line."""

    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def summary(self) -> str:
        """The first error: those after it are its consequences."""
        return self.errors[0] if self.errors else "it does not say why"

    def take(self, message: str, is_error: bool) -> None:
        """Keep a message."""
        line = " ".join(message.split())
        if not any(notice in line for notice in _NOTICES):
            (self.errors if is_error else self.warnings).append(line[:_LONGEST])


def make_logger(trt: ModuleType, log: Log) -> Any:
    """A `trt.ILogger` that keeps warnings and errors."""

    class Logger(trt.ILogger):  # type: ignore[name-defined, misc]
        def __init__(self) -> None:
            super().__init__()

        def log(self, severity: Any, message: str) -> None:
            if severity <= trt.ILogger.WARNING:
                log.take(message, severity <= trt.ILogger.ERROR)

    return Logger()
