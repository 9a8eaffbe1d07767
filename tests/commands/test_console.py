"""Where bars and steps are shown."""

from __future__ import annotations

import sys

import pytest

from amsr_deploy.commands.bar import Bar
from amsr_deploy.commands.console import steps


@pytest.mark.parametrize("on_terminal", [True, False])
def test_steps_are_for_terminals(
    on_terminal: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: on_terminal)
    with steps() as show:
        show("reads a [photo]")
    assert bool(capsys.readouterr().err) == on_terminal


def test_a_closed_standard_error_is_no_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stderr", None)  # as Python sets it then
    with steps() as show, Bar(1, shown=True) as bar:
        show("reads a photo")
        bar.finish("photo.png")
        bar.print("photo.png is done")
    assert capsys.readouterr().out == "photo.png is done\n"
