"""Leaving work in good order when the user or the machine asks for it by a signal."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


def exit_code(number: int) -> int:
    """Return a shell's exit code for a program that a signal ended."""
    return 128 + number


class NotedSignal:
    """While entered, the first SIGINT or SIGTERM is only noted; a second one acts as ever.

    Outside the main thread, where Python allows no signal handlers, it notes nothing.

    Attributes:
        number: of the signal that came, or None.
    """

    def __init__(self) -> None:
        self.number: int | None = None
        self._previous: dict[signal.Signals, object] = {}

    def __enter__(self) -> NotedSignal:
        if threading.current_thread() is threading.main_thread():
            self._previous = {number: signal.signal(number, self._note) for number in SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._restore()

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self.number = number
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        self._previous = {}


class CtrlC:
    """While entered, Ctrl-C calls `stop`, and raises KeyboardInterrupt within `allowed` only.

    So it breaks into the wait for a picture, and not into what tells of one. Outside the main thread, where Python
    allows no signal handlers, and where Ctrl-C is ignored, it changes nothing.
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

    def __enter__(self) -> CtrlC:
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
