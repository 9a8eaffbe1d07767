"""Leaving work in good order when the user or the machine asks for it by a signal."""

from __future__ import annotations

import inspect
import os
import signal
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import TypeVar

Own = TypeVar("Own", bound="Handlers")

SIGNALS = (signal.SIGINT, signal.SIGTERM, *((signal.SIGHUP,) if hasattr(signal, "SIGHUP") else ()))
"""Ctrl-C, the end that the system or a user asks for, and a terminal that is closed."""
RETRY_SECONDS = 0.05
"""Until a signal that came within an import is sent again."""


class Interruption(KeyboardInterrupt):
    """The end of the work by a signal, other than Ctrl-C too.

    Attributes:
        number: of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


def exit_code(number: int) -> int:
    """Return a shell's exit code for a program that a signal ended."""
    return 128 + number


class Handlers:
    """While entered, handles SIGNALS in its own way, but for those that the process ignores, as under `nohup`.

    Outside the main thread, where Python allows no signal handlers, it changes nothing.
    """

    def __init__(self) -> None:
        self._previous: dict[signal.Signals, object] = {}

    def __enter__(self: Own) -> Own:
        if threading.current_thread() is threading.main_thread():
            others = (signal.SIG_IGN, None)  # None: the handler of a program that Python is embedded in
            heeded = [number for number in SIGNALS if signal.getsignal(number) not in others]
            self._previous = {number: signal.signal(number, self._handle) for number in heeded}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._restore()

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        raise NotImplementedError

    def _restore(self) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        self._previous = {}


class RaisedSignal(Handlers):
    """While entered, each of SIGNALS raises Interruption, so that temporary files go.

    An import may swallow an exception, or leave half a package: there the signal is sent again until it is done.
    """

    def __enter__(self: Own) -> Own:
        self._depth = len(list(traceback.walk_stack(inspect.currentframe()))) - 1
        return super().__enter__()

    def _handle(self, number: int, frame: FrameType | None) -> None:
        entered_since = list(traceback.walk_stack(frame))[: -self._depth]
        if not any("importlib._bootstrap" in each.f_code.co_filename for each, _ in entered_since):
            raise Interruption(number)
        again = threading.Timer(RETRY_SECONDS, os.kill, (os.getpid(), number))
        again.daemon = True
        again.start()


class NotedSignal(Handlers):
    """While entered, the first of SIGNALS is only noted; a second one acts as ever.

    Attributes:
        number: of the signal that came, or None.
    """

    def __init__(self) -> None:
        super().__init__()
        self.number: int | None = None

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        self.number = number
        self._restore()


class StoppingSignal(Handlers):
    """While entered, each of SIGNALS calls `stop`, and raises Interruption within `allowed` only.

    So it breaks into the wait for a picture, and not into what tells of one.

    Attributes:
        number: of the last signal that came, or that of Ctrl-C.
    """

    def __init__(self, stop: Callable[[], object]) -> None:
        super().__init__()
        self.number: int = signal.SIGINT
        self._stop, self._allowed = stop, False

    @contextmanager
    def allowed(self) -> Iterator[None]:
        """Let signals raise Interruption within the block."""
        self._allowed = True
        try:
            yield
        finally:
            self._allowed = False

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        self.number = number
        self._stop()
        if self._allowed:
            raise Interruption(number)
