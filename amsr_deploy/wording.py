"""Words for messages: options, counts, and texts of others in one line."""

from __future__ import annotations

import re
from collections.abc import Mapping

IN_STRIPS = "write PNG or TIFF, which are never in memory as a whole, or use a smaller `scale`"
"""What helps where a whole result does not fit in memory."""


def with_options(message: str, options: Mapping[str, str]) -> str:
    """Name options of a command line where a message names arguments in backquotes.

    Args:
        message: such as "set `device` to cpu".
        options: option of each argument, such as `--device`; other words in backquotes stay as they are.
    """
    return re.sub(r"`(\w+)`", lambda match: options.get(match[1], match[0]), message)


def one_line(text: str) -> str:
    """Show what would break a line or command a terminal, which names of files may hold, as escape sequences."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f]", lambda match: ascii(match[0])[1:-1], text)


def counted(count: int, thing: str) -> str:
    """Say how many there are of a thing: `1 frame`, `2 frames`."""
    return f"{count} {thing}{'' if count == 1 else 's'}"


def first_line(error: Exception) -> str:
    """Return the first line of an error's message, or the name of its type where it has none."""
    return (str(error).splitlines() or [type(error).__name__])[0]
