"""Signals that raise, wherever they come."""

from __future__ import annotations

import importlib
import signal
import time
from pathlib import Path

import pytest

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
