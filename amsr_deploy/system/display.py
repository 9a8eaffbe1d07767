"""Bars and spinners on a terminal, which a thread keeps moving."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Display(Protocol):
    """A bar or spinner of rich: it takes the terminal when it starts, and gives it back when it stops."""

    def start(self) -> None:
        """Take the terminal, and start the thread."""

    def stop(self) -> None:
        """Give the terminal back."""


@contextmanager
def displayed(display: Display) -> Iterator[None]:
    """Show a display for the block.

    Where its thread does not start, it has the terminal already, and rich would keep it: the error would not be seen.
    """
    try:
        display.start()
        yield
    finally:
        display.stop()
