"""Values that may be left out: that of `--json`, which is then `-`, and that of `--ray`, a cluster that starts here."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Callable
from pathlib import Path

LOCAL_CLUSTER = "local"
"""Address of a Ray cluster that starts on this machine."""


def with_value(arguments: list[str], option: str, default: str, is_value: Callable[[str], bool]) -> list[str]:
    """Put a default after an option that no value follows.

    Args:
        arguments: of a command.
        option: such as `--json`.
        default: its value where none is given.
        is_value: tells whether what follows the option is its value.
    """
    result = []
    for argument, following in zip(arguments, [*arguments[1:], ""], strict=False):
        result.append(argument)
        if argument == option and not is_value(following):
            result.append(default)
    return result


def is_json_target(text: str, takes_files: bool) -> bool:
    """Tell whether a text is where JSON goes: a file, even of a wrong name, or `-`.

    Args:
        text: what follows `--json`.
        takes_files: whether the command takes files without an option, too: then the JSON file is known by its name.
    """
    if text[:1] in ("", "-"):
        return text == "-"
    return not takes_files or text.endswith(".json") or is_new_file(text)


def is_new_file(text: str) -> bool:
    """Tell whether a text can only be the name of a file to write: none that is there, no picture, no pattern."""
    from amsr_deploy.image import READABLE  # here, because the command line's help needs no NumPy

    suffix = Path(text).suffix.lower()
    return bool(suffix) and suffix not in READABLE and not os.path.lexists(text) and not glob.has_magic(text)


def is_cluster_address(text: str) -> bool:
    """Tell whether a text is the address of a Ray cluster, not a picture or an option."""
    return text in (LOCAL_CLUSTER, "auto") or re.fullmatch(r"(ray://)?[^/\\-][^/\\]*:[0-9]+", text) is not None
