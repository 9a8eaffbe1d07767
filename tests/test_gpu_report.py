"""The report of `benchmarks/gpu.py`: what fails or cannot run leaves the rest of it as it is."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import gpu
import pytest


def test_a_part_that_fails_is_written_down_and_the_next_one_runs(tmp_path: Path) -> None:
    report = gpu.Report(tmp_path / "report.md", ["# GPU\n"])

    def broken() -> Iterator[str]:
        yield "first line"
        raise RuntimeError("an illegal address")

    def absent() -> Iterator[str]:
        raise gpu.SkipError("it is not installed")
        yield

    def failing() -> Iterator[str]:
        yield gpu.call(sys.executable, "-c", "print('what it said'); raise SystemExit(3)")

    report.part("Absent", absent)
    assert not report.failed
    report.part("Broken", broken)
    assert report.failed
    assert "an illegal address" in report.output.read_text()
    report.part("Failing", failing)
    report.part("Good", lambda: iter(["all is well"]))
    text = report.output.read_text()
    for words in ("# GPU", "Skipped: it is not installed.", "first line", "what it said", "all is well"):
        assert words in text


def test_a_copy_without_history_has_an_unknown_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*command: str) -> str:
        raise subprocess.CalledProcessError(128, command, "fatal: not a git repository")

    monkeypatch.setattr(gpu, "call", fail)
    assert gpu.commit() == "unknown"
