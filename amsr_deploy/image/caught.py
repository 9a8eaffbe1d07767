"""Warnings of decoders, which run in several threads at once: `warnings.catch_warnings` is for one only."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from typing import Any

_caught: ContextVar[list[Warning] | None] = ContextVar("caught", default=None)
_lock = threading.Lock()
_blocks = 0
_outside = ExitStack()


@contextmanager
def caught_warnings() -> Iterator[list[Warning]]:
    """Collect all warnings of the block, repeated ones too, and show none; those of other threads are shown as ever."""
    _enter()
    found: list[Warning] = []
    token = _caught.set(found)
    try:
        yield found
    finally:
        _caught.reset(token)
        _leave()


def _enter() -> None:
    """Sort out warnings by threads, from the first block to the last one that runs at the same time."""
    global _blocks
    with _lock:
        if not _blocks:
            _outside.enter_context(warnings.catch_warnings())
            show = warnings.showwarning

            def sort_out(message: Warning, *place: Any) -> None:
                found = _caught.get()
                if found is None:
                    show(message, *place)
                else:
                    found.append(message)

            warnings.showwarning = sort_out  # type: ignore[assignment]
            warnings.simplefilter("always")
        _blocks += 1


def _leave() -> None:
    global _blocks
    with _lock:
        _blocks -= 1
        if not _blocks:
            _outside.close()
