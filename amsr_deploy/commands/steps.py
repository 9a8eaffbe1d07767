"""What a command of few long steps is doing, on the terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def steps(shown: bool) -> Iterator[Callable[[str], None]]:
    """Show the name of the step that is being done: give it to the function that this yields.

    Args:
        shown: whether it is shown at all, where standard error is a terminal.
    """
    if not (shown and sys.stderr.isatty()):
        yield lambda _: None
        return
    from rich.console import Console  # here, because a pipe needs none
    from rich.text import Text

    with Console(stderr=True).status("") as status:
        yield lambda step: status.update(Text(step))  # as it is: names of pictures may hold [brackets]
