"""Files that a command writes figures to."""

from __future__ import annotations

import os
from pathlib import Path

from amsr_deploy.errors import UserError
from amsr_deploy.files import STANDARD, replacing


def check_report_file(path: Path | None, suffix: str) -> None:
    """Raise UserError where no figures can be written: before the measurement, not after it.

    Args:
        path: the file; None and standard output are always good.
        suffix: what its name must end in.
    """
    if path is None or path == STANDARD:
        return
    if path.suffix != suffix:
        raise UserError(f"{path} does not end in {suffix}; give another file for the figures")
    if not path.parent.is_dir():
        raise UserError(f"folder {path.parent} does not exist; create it first")
    if not os.access(path.parent, os.W_OK):
        raise UserError(f"folder {path.parent} cannot be written; give another file for the figures")


def write_report(path: Path | None, text: str) -> None:
    """Write lines to a file; None, and standard output, which the caller prints to, are left out."""
    if path is not None and path != STANDARD:
        with replacing(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
