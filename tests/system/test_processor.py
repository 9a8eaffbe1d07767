"""The cores that a process may use, counted in one place."""

from __future__ import annotations

import os

import pytest
from conftest import ROOT

from amsr_deploy.system.processor import usable_cores


def test_cores_are_those_of_the_process_where_the_system_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 5}, raising=False)
    assert usable_cores() == 2
    monkeypatch.delattr(os, "sched_getaffinity")
    assert usable_cores() == 64


def test_nothing_else_of_the_package_counts_cores() -> None:
    counting = ("cpu_count", "sched_getaffinity")
    sources = (ROOT / "amsr_deploy").rglob("*.py")
    assert [path.name for path in sources if any(name in path.read_text() for name in counting)] == ["processor.py"]
