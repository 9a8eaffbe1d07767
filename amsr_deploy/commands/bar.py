"""A bar on the terminal while a command works on many pictures, or on a large one."""

from __future__ import annotations

import sys
import threading

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, Task, TextColumn, TimeRemainingColumn
from rich.text import Text


class SpeedColumn(TextColumn):
    """Pictures a second."""

    def __init__(self) -> None:
        super().__init__("")

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:.2f} pictures/s" if task.speed else "")


class Bar:
    """Shows on standard error which picture is being worked on, and how many are done.

    Args:
        total: number of pictures.
        shown: whether there is a bar at all.
    """

    def __init__(self, total: int, shown: bool) -> None:
        self._console = Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            SpeedColumn(),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
            disable=not (shown and self._console.is_terminal),
            redirect_stdout=False,
        )
        self._task = self._progress.add_task("", total=total)
        self._lock, self._done = threading.Lock(), 0

    def __enter__(self) -> Bar:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def tile(self, name: str, done: int, total: int) -> None:
        """Show how many tiles of a picture are done."""
        with self._lock:
            tiles = f", tile {min(done + 1, total)} of {total}" if total > 1 else ""
            self._progress.update(self._task, description=name + tiles, completed=self._done + done / total)

    def finish(self) -> None:
        """Count a picture as done."""
        with self._lock:
            self._done += 1
            self._progress.update(self._task, completed=self._done)

    def print(self, line: str, err: bool = False) -> None:
        """Print a line, above the bar where both are on the terminal."""
        if self._progress.disable or not (err or sys.stdout.isatty()):
            click.echo(line, err=err)
        else:
            self._console.print(Text(line), soft_wrap=True)
