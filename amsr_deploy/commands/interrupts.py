"""Ctrl-C while pictures are worked on: it breaks into the wait for a picture, and not into what tells of one."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType


class Interrupts:
    """While entered, Ctrl-C calls `stop`, and raises KeyboardInterrupt within `allowed` only.

    Outside the main thread, where Python allows no signal handlers, and where Ctrl-C is ignored, it changes nothing.
    """

    def __init__(self, stop: Callable[[], object]) -> None:
        self._stop, self._allowed = stop, False
        self._replaced = False

    @contextmanager
    def allowed(self) -> Iterator[None]:
        """Let Ctrl-C raise KeyboardInterrupt within the block."""
        self._allowed = True
        try:
            yield
        finally:
            self._allowed = False

    def __enter__(self) -> Interrupts:
        is_main = threading.current_thread() is threading.main_thread()
        if is_main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._handle)
            self._replaced = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._replaced:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        self._stop()
        if self._allowed:
            raise KeyboardInterrupt
