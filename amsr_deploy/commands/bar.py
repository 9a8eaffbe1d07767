"""A bar on the terminal while a command works on many pictures, on a large one, or on a video."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, TypeVar

import click

from amsr_deploy.commands.messages import is_terminal
from amsr_deploy.system.display import displayed
from amsr_deploy.wording import one_line

if TYPE_CHECKING:
    from rich.progress import Progress

Item = TypeVar("Item")


class Bar:
    """Shows on standard error what is being worked on, how much of it is done, and how long the rest takes.

    Args:
        total: number of pictures or frames; None: not known.
        shown: whether there is a bar at all, where standard error is a terminal.
        unit: what is counted.
    """

    def __init__(self, total: int | None, shown: bool, unit: str = "pictures") -> None:
        self._progress = make_progress() if shown and is_terminal(sys.stderr) else None
        self._task = self._progress.add_task("", total=total, speed="") if self._progress else None
        self._unit, self._lock, self._done = unit, threading.Lock(), 0
        self._display = ExitStack()

    def __enter__(self) -> Bar:
        if self._progress:
            self._display.enter_context(displayed(self._progress))
        return self

    def __exit__(self, *_: object) -> None:
        self._display.close()

    def count(self, items: Iterable[Item], description: str) -> Iterator[Item]:
        """Yield items, and count each as done when the next one is wanted."""
        self._show(0, description)
        for item in items:
            yield item
            self.finish()

    def tile(self, name: str, done: int, total: int) -> None:
        """Show how many tiles of a picture are done."""
        tiles = f", tile {min(done + 1, total)} of {total}" if total > 1 else ""
        self._show(done / total, name + tiles)

    def finish(self, description: str | None = None) -> None:
        """Count a picture or frame as done, and say something else of the whole."""
        with self._lock:
            self._done += 1
        self._show(0, description)

    def _show(self, share: float, description: str | None = None) -> None:
        """Show what is being done, and that this share of a picture is done beside the whole ones."""
        if self._progress is None or self._task is None:
            return
        with self._lock:
            speed = self._progress.tasks[self._task].speed
            text = f"{speed:.2f} {self._unit}/s" if speed else ""
            self._progress.update(self._task, description=description, completed=self._done + share, speed=text)

    def print(self, line: str, err: bool = False) -> None:
        """Print a line, above the bar where both are on the terminal."""
        line = one_line(line)
        if self._progress is None or not (err or is_terminal(sys.stdout)):
            click.echo(line, err=err)
        else:
            self._progress.console.print(line, markup=False, highlight=False, soft_wrap=True)


def make_progress() -> Progress:
    """Make the bar itself."""
    from rich.console import Console  # here, because a pipe needs none
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[speed]}", markup=False),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        redirect_stdout=False,
    )
