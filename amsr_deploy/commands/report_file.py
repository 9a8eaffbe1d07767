"""Files that a command writes figures to."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from amsr_deploy.errors import UserError
from amsr_deploy.files import STANDARD, check_target, replacing


def check_report_file(path: Path | None, suffix: str) -> None:
    """Raise UserError where no figures can be written: before the measurement, not after it.

    Args:
        path: the file; None and standard output are always good.
        suffix: what its name must end in.
    """
    if path is not None and path != STANDARD:
        check_target(path, suffix)


def check_not_read(path: Path | None, read: Iterable[Path | None]) -> None:
    """Raise UserError where a file for figures is one that the command reads."""
    if path is None or path == STANDARD:
        return
    if os.path.realpath(path) in {os.path.realpath(each) for each in read if each is not None}:
        raise UserError(f"{path} is an input; choose another name for the figures")


def write_report(path: Path | None, text: str) -> None:
    """Write lines to a file; None, and standard output, which the caller prints to, are left out."""
    if path is not None and path != STANDARD:
        with replacing(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
