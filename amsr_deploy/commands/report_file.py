"""Files that a command writes figures to."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from amsr_deploy.files import STANDARD, check_not_read, check_target, replacing


def check_report_file(path: Path | None, suffix: str, read: Iterable[Path | None] = ()) -> None:
    """Raise AmsrError where no figures can be written: before the measurement, not after it.

    Args:
        path: the file; None is always good, and so is standard output for JSON, which alone is printed.
        suffix: what its name must end in.
        read: files that it may not replace.
    """
    is_printed = path == STANDARD and suffix == ".json"
    if path is not None and not is_printed:
        check_target(path, suffix)
        check_not_read(path, read)


def write_report(path: Path | None, text: str) -> None:
    """Write lines to a file; None, and standard output, which the caller prints to, are left out."""
    if path is not None and path != STANDARD:
        with replacing(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
