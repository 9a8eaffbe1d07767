"""Work that overlaps: what comes before and after the network runs in threads, a few frames ahead and behind."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Empty, Full, Queue
from types import TracebackType
from typing import Any, TypeVar

Item = TypeVar("Item")

_POLL = 0.1  # seconds after which a waiting thread looks whether it is still wanted


def ahead(items: Iterator[Item], most: int) -> Generator[Item, None, None]:
    """Take items in a thread that is at most so many ahead; its errors are raised where they belong.

    Closing the iterator ends the thread.
    """
    queue: Queue[tuple[Item | None, BaseException | None]] = Queue(most)
    stop = threading.Event()

    def put(entry: tuple[Item | None, BaseException | None]) -> None:
        while not stop.is_set():
            try:
                queue.put(entry, timeout=_POLL)
                return
            except Full:
                continue

    def work() -> None:
        try:
            for item in items:
                put((item, None))
                if stop.is_set():
                    return
            put((None, StopIteration()))
        except BaseException as error:
            put((None, error))

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        while True:
            item, error = queue.get()
            if isinstance(error, StopIteration):
                return
            if error is not None:
                raise error
            yield item  # type: ignore[misc]
    finally:
        stop.set()
        while thread.is_alive():
            try:
                queue.get_nowait()
            except Empty:
                thread.join(_POLL)


class Behind:
    """Calls in a thread, one after the other, of which at most so many wait; an error is raised by the next call."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._threads = ThreadPoolExecutor(1)
        self._waiting: deque[Future[None]] = deque()

    def call(self, function: Callable[..., None], *arguments: Any) -> None:
        """Call a function later."""
        while len(self._waiting) >= self._most or (self._waiting and self._waiting[0].done()):
            self._waiting.popleft().result()
        self._waiting.append(self._threads.submit(function, *arguments))

    def wait(self) -> None:
        """Wait for all calls."""
        while self._waiting:
            self._waiting.popleft().result()

    def __enter__(self) -> Behind:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._threads.shutdown(cancel_futures=True)
