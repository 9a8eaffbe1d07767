"""Where tables are printed, and where bars are shown."""

from __future__ import annotations

from rich.console import Console

from amsr_deploy.commands.messages import setting

FILE_WIDTH = 200
"""Characters: more than any of our tables has."""


def output_console() -> Console:
    """Open standard output; in a file or a pipe, which have no width, lines are neither cut off nor wrapped."""
    console = Console()
    return console if console.is_terminal else Console(width=FILE_WIDTH)


def progress_console() -> Console:
    """Open standard error for bars, which are not shown where only errors are wanted."""
    return Console(stderr=True, quiet=setting("quiet"))
