"""Warnings of decoders, which run in several threads at once: `warnings.catch_warnings` is for one only."""

from __future__ import annotations

import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from contextvars import ContextVar
from typing import Any

DECODERS = r"(PIL|pillow_heif|amsr_deploy)\b"
"""The modules that warn of a picture: the libraries, and what calls NumPy and deprecated parts of them."""

_caught: ContextVar[list[Warning] | None] = ContextVar("caught", default=None)
_lock = threading.Lock()
_blocks = 0
_outside = ExitStack()


@contextmanager
def caught_warnings() -> Iterator[list[Warning]]:
    """Collect all warnings of decoders in the block, repeated ones too, and show none.

    Other warnings are those of the application, and left to its filters. Filters know no threads: while a block runs,
    all warnings of decoders are shown in other threads.
    """
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
            _outside.enter_context(_sorted_out())
        _blocks += 1


def _leave() -> None:
    global _blocks
    with _lock:
        _blocks -= 1
        if not _blocks:
            _outside.close()


@contextmanager
def _sorted_out() -> Iterator[None]:
    """Give the warnings of each block to it; take nothing back at the end that others changed meanwhile."""
    show = warnings.showwarning

    def sort_out(message: Warning, *place: Any) -> None:
        found = _caught.get()
        if found is None:
            show(message, *place)
        else:
            found.append(message)

    warnings.showwarning = sort_out  # type: ignore[assignment]
    warnings.filterwarnings("always", module=DECODERS)
    try:
        yield
    finally:
        if warnings.showwarning is sort_out:
            warnings.showwarning = show
        with suppress(ValueError):  # others may have reset the filters
            warnings.filters.remove(("always", None, Warning, re.compile(DECODERS), 0))  # type: ignore[attr-defined]
