"""Signals that raise, wherever they come."""

from __future__ import annotations

import importlib
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import ROOT

from amsr_deploy.interrupts import Interruption, RaisedSignal

SWALLOWS = """
import signal
try:
    signal.raise_signal(signal.SIGINT)
    sum(range(1000))
except KeyboardInterrupt:
    pass
whole = True
"""


ENTERS = """
import signal
from amsr_deploy.interrupts import Interruption, RaisedSignal
try:
    with RaisedSignal():
        signal.raise_signal(signal.SIGTERM)
except Interruption as interruption:
    number = interruption.number
"""


def test_a_program_that_runs_within_an_import_is_interrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "runs_at_once.py").write_text(ENTERS)
    assert importlib.import_module("runs_at_once").number == signal.SIGTERM


def test_a_signal_within_an_import_comes_after_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "swallows_signals.py").write_text(SWALLOWS)
    with RaisedSignal():
        module = importlib.import_module("swallows_signals")
        with pytest.raises(Interruption) as caught:
            time.sleep(60)
    assert module.whole
    assert caught.value.number == signal.SIGINT


@pytest.mark.parametrize("by_name", [True, False])
def test_a_signal_while_the_command_line_is_loaded_is_a_line(by_name: bool, tmp_path: Path) -> None:
    entry = re.search(r'^amsr = "(.+):(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert entry
    script = f"import sys; from {entry[1]} import {entry[2]}; sys.exit({entry[2]}())"
    (tmp_path / "click.py").write_text("import signal; signal.raise_signal(signal.SIGINT)")
    done = subprocess.run(
        [sys.executable, *(["-c", script] if by_name else ["-m", "amsr_deploy"]), "--version"],
        env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "amsr: interrupted\n")
