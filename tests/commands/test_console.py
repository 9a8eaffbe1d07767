"""Where tables, bars and steps are shown."""

from __future__ import annotations

import sys

import pytest

from amsr_deploy.commands.bar import Bar
from amsr_deploy.commands.console import output_console, steps


@pytest.mark.parametrize("on_terminal", [True, False])
def test_steps_are_for_terminals(
    on_terminal: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: on_terminal)
    with steps() as show:
        show("reads a [photo]")
    assert bool(capsys.readouterr().err) == on_terminal


@pytest.mark.parametrize("colour", ["FORCE_COLOR", "NO_COLOR"])
def test_lines_in_a_pipe_are_whole(
    colour: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(colour, "1")
    line = " ".join(["word"] * 35)
    output_console().print(line)
    assert line in capsys.readouterr().out


def test_a_closed_standard_error_is_no_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stderr", None)  # as Python sets it then
    with steps() as show, Bar(1, shown=True) as bar:
        show("reads a photo")
        bar.finish("photo.png")
        bar.print("photo.png is done")
    assert capsys.readouterr().out == "photo.png is done\n"
