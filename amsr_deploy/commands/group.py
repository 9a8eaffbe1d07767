"""What all commands of `amsr` have in common: shared options, and failures in one line."""

from __future__ import annotations

import os
import signal
import sys
from functools import partial
from pathlib import Path
from typing import Any

import click

from amsr_deploy.commands.messages import option_names, report_failure, setting, shown_messages
from amsr_deploy.commands.optional_values import LOCAL_CLUSTER, is_cluster_address, is_json_target, with_value
from amsr_deploy.errors import FileError
from amsr_deploy.interrupts import Interruption, RaisedSignal, exit_code


def remember(ctx: click.Context, parameter: click.Parameter, value: bool) -> None:
    """Keep a shared option for `setting`, whether it stands before or after the command."""
    ctx.meta[f"amsr.{parameter.name}"] = value or setting(str(parameter.name))


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
        try:
            return super().parse_args(ctx, with_value(args, "--ray", LOCAL_CLUSTER, is_cluster_address))
        except click.NoSuchOption as error:
            file = next((each for each in args if each.startswith("-") and os.path.lexists(each)), None)
            if file is None:
                raise
            message = f"{error.message} Give the file {file} as ./{file}."
            raise click.NoSuchOption(error.option_name, message, error.possibilities, error.ctx) from error

    def invoke(self, ctx: click.Context) -> Any:
        option_names.clear()
        for each in self.params:
            option_names.update(shown_names(each))
        check_current_folder()
        replace_closed_input()
        with shown_messages():
            return super().invoke(ctx)


def shown_names(parameter: click.Parameter) -> dict[str, str]:
    """Return what users know a parameter as, by its names in the library: its own, and those of its options."""
    name = str(parameter.name)
    if isinstance(parameter, click.Argument):
        return {name: parameter.metavar or name.upper()}
    return {name: parameter.opts[-1], **{option.lstrip("-").replace("-", "_"): option for option in parameter.opts}}


def check_current_folder() -> None:
    """Raise FileError where the folder that the process is in was removed: then no relative path can be found."""
    try:
        Path.cwd()
    except FileNotFoundError:
        raise FileError("the current folder does not exist any more; change to another one") from None


def replace_closed_input() -> None:
    """Let nothing come from standard input where it is closed, which Python shows as None."""
    if sys.stdin is None:
        sys.stdin = Path(os.devnull).open()  # noqa: SIM115 - for the rest of the process


def drop_unwritten() -> None:
    """Drop what standard output does not take: Python would try again at the end, and complain in lines of its own."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())


class Commands(click.Group):
    """A group that reports every failure in a line."""

    command_class = Command

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.extend(shared_options())

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            if not os.path.lexists(args[0]):
                raise
            raise click.UsageError(f"{error.message} To upscale it, run: amsr infer {args[0]}", ctx) from error

    def main(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().main(*args, **kwargs)
        except OSError as error:  # of help and version, which click prints before there is a command
            sys.exit(report_failure(error))
        finally:
            drop_unwritten()

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
            sys.exit(report_failure(error))
