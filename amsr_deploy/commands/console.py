"""Where tables are printed, and where bars and steps are shown."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.table import Table
from rich.text import Text

from amsr_deploy.commands.messages import is_terminal, setting
from amsr_deploy.system.display import displayed
from amsr_deploy.wording import one_line

FILE_WIDTH = 200
"""Characters: more than any of our tables has."""


def output_console() -> Console:
    """Open standard output; in a file or a pipe, which have no width, lines are neither cut off nor wrapped.

    FORCE_COLOR gives these colours, but no width.
    """
    return Console(width=None if is_terminal(sys.stdout) else FILE_WIDTH)


def progress_console() -> Console:
    """Open standard error for bars, which are not shown where only errors are wanted; FORCE_COLOR makes no terminal."""
    return Console(stderr=True, force_terminal=is_terminal(sys.stderr), quiet=setting("quiet"))


def add_row(table: Table, *values: str, style: str = "") -> None:
    """Add a row of values as they are: rich would obey [brackets] in them, and terminals control characters."""
    table.add_row(*(Text(one_line(value)) for value in values), style=style)


@contextmanager
def steps() -> Iterator[Callable[[str], None]]:
    """Show the name of the step that is being done, on a terminal: give it to the function that this yields."""
    console = progress_console()
    if not console.is_terminal:
        yield lambda _: None
        return
    status = console.status("")
    with displayed(status):
        yield lambda step: status.update(Text(step))  # as it is: names of pictures may hold [brackets]
