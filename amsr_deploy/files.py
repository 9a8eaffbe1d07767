"""Writing files so that nothing is lost."""

from __future__ import annotations

import os
import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

STANDARD = Path("-")
"""Standard input or standard output, where a command takes a file."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary file beside `path` that replaces it when the block ends well, and is removed otherwise.

    The temporary name keeps the suffix, by which libraries choose a format, and is short, whatever the path's length.
    A file that is replaced leaves its permissions to the new one.

    Raises:
        OSError: the folder is missing or cannot be written; it names `path`.
    """
    temporary = path.with_name(f".{os.urandom(8).hex()}{path.suffix}")
    try:
        yield temporary
        if path.exists() and (mode := stat.S_IMODE(path.stat().st_mode)) != stat.S_IMODE(temporary.stat().st_mode):
            temporary.chmod(mode)
        os.replace(temporary, path)  # noqa: PTH105
    except OSError as error:
        if error.filename in (temporary, str(temporary)):
            error.filename, error.filename2 = str(path), None
        raise
    finally:
        temporary.unlink(missing_ok=True)


def is_special(path: Path) -> bool:
    """Return whether a path is a pipe, a socket or a device: reading it may never end."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def write_cache(path: Path, data: bytes, what: str) -> None:
    """Write what can be made again, with the folder it goes to; where that fails, say that `what` is not kept."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:
            temporary.write_bytes(data)
    except OSError as error:
        warnings.warn(f"{what} are not kept: {path}: {error.strerror}", stacklevel=2)
