"""Work that overlaps: what comes before and after the network runs in threads, a few frames ahead and behind."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, TypeVar

Item = TypeVar("Item")


def prefetch(items: Iterator[Item], count: int) -> Generator[Item, None, None]:
    """Take so many items ahead in a thread; its errors are raised where they belong.

    Closing the iterator ends the thread.
    """
    thread = ThreadPoolExecutor(1)
    taken = deque(thread.submit(next, items, None) for _ in range(count))
    try:
        while (item := taken.popleft().result()) is not None:
            taken.append(thread.submit(next, items, None))
            yield item
    finally:
        thread.shutdown(cancel_futures=True)


class BackgroundCalls:
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

    def __enter__(self) -> BackgroundCalls:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._threads.shutdown(cancel_futures=True)
