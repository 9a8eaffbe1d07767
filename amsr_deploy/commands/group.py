"""What all commands of `amsr` have in common: shared options, messages, errors in one line."""

from __future__ import annotations

import glob
import logging
import os
import re
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Callable
from contextvars import ContextVar
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import click

from amsr_deploy.errors import AmsrError, missing_dependency, one_line, with_options
from amsr_deploy.interrupts import Interruption, RaisedSignal, exit_code
from amsr_deploy.memory import IN_STRIPS

Result = TypeVar("Result")

LOCAL_CLUSTER = "local"
"""Address of a Ray cluster that starts on this machine."""

option_names: dict[str, str] = {}
"""What sets each argument of the command that runs, which threads ask for, too: `--model`, or `MODEL`."""


def remember(ctx: click.Context, parameter: click.Parameter, value: bool) -> None:
    """Keep a shared option for `setting`, whether it stands before or after the command."""
    ctx.meta[f"amsr.{parameter.name}"] = value or setting(str(parameter.name))


def setting(name: str) -> bool:
    """Return whether a shared option was given."""
    ctx = click.get_current_context(silent=True)
    return bool(ctx and ctx.meta.get(f"amsr.{name}"))


def shared_options() -> list[click.Option]:
    """Make the options that every command takes."""
    texts = {
        ("-q", "--quiet"): "Print errors only, and tables or JSON that are asked for.",
        ("-v", "--verbose"): "Say what was chosen, and why.",
        ("--debug",): "Show tracebacks.",
    }
    return [
        click.Option(names, is_flag=True, expose_value=False, is_eager=True, callback=remember, help=text)
        for names, text in texts.items()
    ]


class Command(click.Command):
    """A command with the shared options, whose `--json` and `--ray` need no value."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.extend(shared_options())

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        takes_files = any(isinstance(each, click.Argument) for each in self.params)
        args = with_value(args, "--json", "-", partial(is_json_target, takes_files=takes_files))
        return super().parse_args(ctx, with_value(args, "--ray", LOCAL_CLUSTER, is_cluster_address))

    def invoke(self, ctx: click.Context) -> Any:
        option_names.clear()
        option_names.update({name: shown_name(each) for each in self.params for name in names_of(each)})
        replace_closed_input()
        with warnings.catch_warnings():
            set_up_messages()
            return super().invoke(ctx)


def names_of(parameter: click.Parameter) -> set[str]:
    """Return the names that a parameter may have in the library: its own, and those of its options."""
    return {str(parameter.name), *(option.lstrip("-").replace("-", "_") for option in parameter.opts)}


def shown_name(parameter: click.Parameter) -> str:
    """Return what users know a parameter as."""
    if isinstance(parameter, click.Argument):
        return parameter.metavar or str(parameter.name).upper()
    return parameter.opts[0]


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


class Commands(click.Group):
    """A group that reports every failure in a line."""

    command_class = Command

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.extend(shared_options())

    def main(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().main(*args, **kwargs)
        except OSError as error:  # of help and version, which click prints before there is a command
            sys.exit(report_failure(error))

    def invoke(self, ctx: click.Context) -> Any:
        try:
            with RaisedSignal():
                return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except KeyboardInterrupt as interrupt:
            click.echo("amsr: interrupted", err=True)
            sys.exit(exit_code(interrupt.number if isinstance(interrupt, Interruption) else signal.SIGINT))
        except Exception as error:
            if setting("debug"):
                raise
            sys.exit(report_failure(error))


class Messages(logging.Handler):
    """Prints each record of a log as one line."""

    def emit(self, record: logging.LogRecord) -> None:
        show_message(record.getMessage())


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


def replace_closed_input() -> None:
    """Let nothing come from standard input where it is closed, which Python shows as None."""
    if sys.stdin is None:
        sys.stdin = Path(os.devnull).open()  # noqa: SIM115 - for the rest of the process


def set_up_messages() -> None:
    """Let warnings and the log appear as lines on standard error, as many as the shared options ask for."""
    for stream in (sys.stdout, sys.stderr):
        if reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(errors="backslashreplace")  # names may hold what the terminal cannot show
    log = logging.getLogger("amsr_deploy")
    log.handlers = [Messages()]
    log.setLevel(logging.ERROR if setting("quiet") else logging.INFO if setting("verbose") else logging.WARNING)
    if setting("quiet"):
        warnings.simplefilter("ignore")
    elif not setting("debug"):
        warnings.showwarning = show_warning  # type: ignore[assignment]


def say(line: str, err: bool = False) -> None:
    """Print what a command has done, unless only errors are wanted."""
    if not setting("quiet"):
        click.echo(line, err=err)


def show_warning(message: Warning | str, *_: Any) -> None:
    """Print a warning as one line."""
    show_message(str(message))


def show_message(message: str) -> None:
    """Print a message as one line, with options where it names arguments."""
    line = one_line(f"amsr: {with_options(message, option_names)}")
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
    if isinstance(error, BrokenPipeError):
        return "The output was closed (broken pipe); the rest was not processed."
    if isinstance(error, OSError):
        return f"{error.filename or 'the output'}: {error.strerror or error}"
    if isinstance(error, MemoryError):
        return f"out of memory; free memory, use a smaller `tile`, {IN_STRIPS}"
    return f"unexpected {type(error).__name__}: {error}; run `amsr --debug ...` for the traceback"


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
    return with_options(describe_failure(error), option_names)
