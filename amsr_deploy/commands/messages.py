"""What commands say: lines on standard error, as many as the shared options ask for, and errors in one line."""

from __future__ import annotations

import errno
import logging
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TextIO, TypeVar

import click

from amsr_deploy.dependencies import missing_dependency
from amsr_deploy.errors import AmsrError
from amsr_deploy.system.threads import NO_THREADS, lacks_threads
from amsr_deploy.wording import IN_STRIPS, one_line, with_options

Result = TypeVar("Result")

option_names: dict[str, str] = {}
"""What sets each argument of the command that runs, which threads ask for, too: `--model`, or `MODEL`."""

_shown_names: dict[str, str] = {}
"""What users know files of other names as; see `shown_as`."""


def setting(name: str) -> bool:
    """Return whether a shared option was given."""
    ctx = click.get_current_context(silent=True)
    return bool(ctx and ctx.meta.get(f"amsr.{name}"))


def is_terminal(stream: TextIO | None) -> bool:
    """Tell whether a standard stream is a terminal; Python has None for one that is closed."""
    return stream is not None and stream.isatty()


class Messages(logging.Handler):
    """Prints each record of a log as one line, once where several models say the same."""

    def __init__(self) -> None:
        super().__init__()
        self._said: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if message not in self._said:
            self._said.add(message)
            show_message(message)


class HeldMessages:
    """The messages of work in a thread, which wait until those of earlier work are out."""

    def __init__(self) -> None:
        self._lines: list[str] | None = []
        self._lock = threading.Lock()

    def run(self, work: Callable[[], Result]) -> Result:
        """Do the work, and hold its messages."""
        token = _held.set(self)
        try:
            return work()
        finally:
            _held.reset(token)

    def show(self, line: str) -> None:
        """Print a line, or keep it for `release`."""
        with self._lock:
            if self._lines is None:
                click.echo(line, err=True)
            else:
                self._lines.append(line)

    def release(self) -> None:
        """Print what is held; what follows is printed at once."""
        with self._lock:
            for line in self._lines or ():
                click.echo(line, err=True)
            self._lines = None


_held: ContextVar[HeldMessages | None] = ContextVar("held", default=None)


@contextmanager
def shown_messages() -> Iterator[None]:
    """Let the log appear as lines on standard error, as much of it as the shared options ask for, for the block.

    Warnings of other packages go to the log.
    """
    for stream in (sys.stdout, sys.stderr):
        if reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(errors="backslashreplace")  # names may hold what the terminal cannot show
    log = logging.getLogger("amsr_deploy")
    handlers, level = log.handlers, log.level
    log.handlers = [Messages()]
    log.setLevel(logging.ERROR if setting("quiet") else logging.INFO if setting("verbose") else logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *_, **__: log.warning("%s", message)
            yield
    finally:
        log.handlers = handlers
        log.setLevel(level)


def say(line: str, err: bool = False) -> None:
    """Print in one line what a command has done, unless only errors are wanted."""
    if not setting("quiet"):
        click.echo(one_line(line), err=err)


def show_message(message: str) -> None:
    """Print a message as one line, with options where it names arguments."""
    line = one_line(f"amsr: {for_users(message)}")
    if held := _held.get():
        held.show(line)
    else:
        click.echo(line, err=True)


def report_failure(error: Exception) -> int:
    """Print what went wrong as one line, with --debug after the traceback; returns the exit code."""
    if setting("debug"):
        traceback.print_exception(error)
    show_message(f"error: {describe_failure(error)}")
    return getattr(error, "exit_code", 1)


def describe_failure(error: Exception) -> str:
    """Say what went wrong, for users."""
    if isinstance(error, ModuleNotFoundError):
        error = missing_dependency(error) or error
    if isinstance(error, AmsrError):
        return str(error)
    if lacks_threads(error):
        return NO_THREADS
    if isinstance(error, OSError):
        return _describe_system_error(error)
    if isinstance(error, MemoryError):
        return f"out of memory; free memory, use a smaller `tile`, {IN_STRIPS}"
    return f"unexpected {type(error).__name__}: {error}; run `amsr --debug ...` for the traceback"


def _describe_system_error(error: OSError) -> str:
    """Say what the system refused; where it names no file, and one was there, it was standard output."""
    if isinstance(error, BrokenPipeError):
        return "The output was closed (broken pipe); the rest was not processed."
    if error.filename:
        return f"{error.filename}: {error.strerror}"
    if error.errno in (None, errno.ENOENT):  # of a library that does not load, or no folder for temporary files
        return error.strerror or str(error)
    return f"standard output: {error.strerror}"


class Failures:
    """The pictures that failed: each error is told once, at the end of the block, even where another one ends it."""

    def __init__(self) -> None:
        self._errors: dict[str, Exception] = {}

    def add(self, error: Exception) -> None:
        """Keep an error; one of several that say the same."""
        self._errors.setdefault(str(error), error)

    @property
    def exit_code(self) -> int:
        """1 where a picture failed."""
        return min(len(self._errors), 1)

    def __enter__(self) -> Failures:
        return self

    def __exit__(self, *_: object) -> None:
        for error in self._errors.values():
            report_failure(error)


def failure_text(error: Exception) -> str:
    """Return what `report_failure` prints, for JSON."""
    return for_users(describe_failure(error))


def for_users(message: str) -> str:
    """Word a message of the library as users know things: options for arguments, their own names for files."""
    for path, name in list(_shown_names.items()):  # threads add to them
        message = message.replace(path, name)
    return with_options(message, option_names)


@contextmanager
def shown_as(path: Path, name: str) -> Iterator[None]:
    """Let messages of the block, and an error that ends it, give a file the name that users know."""
    _shown_names[str(path)] = name
    try:
        yield
    except AmsrError as error:
        error.args = (str(error).replace(str(path), name),)
        raise
    finally:
        del _shown_names[str(path)]
