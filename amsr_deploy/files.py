"""Writing files so that nothing is lost."""

from __future__ import annotations

import errno
import logging
import os
import stat
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from amsr_deploy.errors import FileError, UserError

StrPath = str | os.PathLike[str]

STANDARD = Path("-")
"""Standard input or standard output, where a command takes a file."""

_log = logging.getLogger(__name__)


@contextmanager
def replacing(path: Path, replace: bool = True) -> Iterator[Path]:
    """Yield a temporary file beside `path` that replaces it when the block ends well, and is removed otherwise.

    The temporary name keeps the suffix, by which libraries choose a format, and is short, whatever the path's length.
    A file that is replaced leaves its permissions to the new one. A link stays, and the file that it leads to is
    replaced.

    Args:
        path: the file to write.
        replace: false lets a file stay that is there in the end.

    Raises:
        OSError: the folder is missing or cannot be written, or a file is there that stays; it names `path`.
    """
    place = Path(os.path.realpath(path))
    temporary = place.with_name(f".{os.urandom(8).hex()}{path.suffix}")
    try:
        yield temporary
        if place.exists() and (mode := stat.S_IMODE(place.stat().st_mode)) != stat.S_IMODE(temporary.stat().st_mode):
            temporary.chmod(mode)
        publish(temporary, place, replace)
    except OSError as error:
        if error.errno and error.filename in (temporary, str(temporary), str(place), None):  # None: of an open file
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise
    finally:
        with suppress(OSError):  # the error that ends the block is the one to tell
            temporary.unlink()


def is_special(path: Path) -> bool:
    """Return whether a path is a pipe, a socket or a device: reading it may never end."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def by_age(folder: Path, *suffixes: str) -> list[Path]:
    """List the files of a folder that have one of some suffixes, the newest first; a missing folder has none."""
    ages = {}
    for path in folder.glob("*"):
        with suppress(OSError):  # a link to nothing, or a file that is gone by now
            if path.suffix in suffixes and path.is_file():
                ages[path] = path.stat().st_mtime_ns
    return sorted(ages, key=lambda path: ages[path], reverse=True)


def write_problem(path: Path) -> str | None:
    """Say why no file can be written at a path, in place of one that is there too, or return None."""
    if is_special(path):
        return f"{path} is a pipe, a socket or a device; choose another name"
    if path.is_dir():
        return f"{path} is a folder; give the name of a file"
    if blocker := next((folder for folder in path.parents if folder.is_file()), None):
        return f"{blocker} is a file and no folder; choose another name"
    folder = Path(os.path.realpath(path)).parent if path.is_symlink() else path.parent
    if not folder.is_dir():
        return f"folder {folder} does not exist; create it first"
    if reason := _refusal(folder):
        return f"folder {folder} may not be written ({reason}); choose another"
    if path.exists() and not path.stat().st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH):
        return f"{path} is write-protected; change its permissions, or choose another name"
    return None


def _refusal(folder: Path) -> str | None:
    """Return the system's reason why no file can be made in a folder, or None."""
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        return error.strerror
    return None


def check_writable(path: Path) -> None:
    """Raise FileError where no file can be written at a path."""
    if problem := write_problem(path):
        raise FileError(problem)


def check_target(path: Path, suffix: str) -> None:
    """Check that a file can be written at a path, and that its name ends in a suffix.

    Raises:
        UserError: another name.
        FileError: see `write_problem`.
    """
    if path.suffix != suffix:
        raise UserError(f"{path} does not end in {suffix}; give another name")
    check_writable(path)


def check_not_read(path: StrPath | None, read: Iterable[StrPath | None]) -> None:
    """Raise UserError where a file to write is one of those that are read; None and standard output never are."""
    if path is None or path == STANDARD:
        return
    if os.path.realpath(path) in {os.path.realpath(each) for each in read if each is not None}:
        raise UserError(f"{path} is an input; choose another name for what is written")


def check_standard_output(kind: str) -> None:
    """Raise UserError where standard output is closed or a terminal, which takes no files of that kind."""
    if sys.stdout is None:
        raise UserError("standard output is closed; give an `output`")
    if sys.stdout.isatty():
        raise UserError(f"standard output is a terminal, which shows no {kind}; give an `output`")


def write_standard(content: bytes) -> None:
    """Write to standard output; errors name it."""
    try:
        left = memoryview(content)
        while left:  # without a buffer, as PYTHONUNBUFFERED has it, a full disk or a pipe may take only a part
            left = left[sys.stdout.buffer.write(left) or 0 :]
        sys.stdout.buffer.flush()
    except OSError as error:
        error.filename = error.filename or "standard output"
        raise


def publish(source: Path, target: Path, replace: bool) -> None:
    """Give a file its name: that of another file only where this is to be replaced, even if it came a moment ago.

    Raises:
        OSError: the folder cannot be written, or another file has that name and stays.
    """
    if replace:
        os.replace(source, target)  # noqa: PTH105
        return
    try:
        target.hardlink_to(source)
    except FileExistsError:
        raise
    except OSError:  # the file system has no links
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target)) from None
        source.rename(target)


def not_kept(what: str, error: OSError) -> str:
    """Say that the folder for temporary files does not take something."""
    place = tempfile.gettempdir()
    return f"{what} cannot be kept in {place} ({error.strerror}); free space there, or let TMPDIR name another folder"


def write_cache(path: Path, data: bytes, what: str) -> None:
    """Write what can be made again, with the folder it goes to; where that fails, say that `what` is not kept."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:
            temporary.write_bytes(data)
    except OSError as error:
        _log.warning("%s are not kept: %s: %s", what, path, error.strerror)
