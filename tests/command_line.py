"""Runs `amsr` in the process of the tests, and reads its errors."""

from __future__ import annotations

from click.testing import CliRunner, Result

from amsr_deploy.cli import main


def amsr(*arguments: object, stdin: bytes = b"") -> Result:
    """Run a command."""
    return CliRunner().invoke(main, [str(argument) for argument in arguments], input=stdin)


def errors(result: Result) -> list[str]:
    """Give the lines that say what went wrong: ours, and Click's, of options that it cannot read."""
    return [line for line in result.stderr.splitlines() if line.startswith(("amsr: error: ", "Error: "))]


def refusal(result: Result, *codes: int) -> str:
    """Give the one clear line of a command that was refused, with one of these exit codes: 1 or 2 if none is given."""
    assert result.exit_code in (codes or (1, 2)), result.output
    assert isinstance(result.exception, SystemExit)
    assert "Traceback" not in result.output
    assert "unexpected" not in result.stderr
    (line,) = errors(result)
    return line


def assert_refused(result: Result, *parts: str, code: int | None = None) -> None:
    """Check that a command was refused in a line of these parts."""
    line = refusal(result, *([] if code is None else [code]))
    for part in parts:
        assert part in line
