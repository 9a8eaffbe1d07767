"""The cores that a process may use, counted in one place."""

from __future__ import annotations

import os
from pathlib import Path

import psutil
import pytest
from conftest import ROOT
from control_groups import VERSION_1, VERSION_2, use_groups

from amsr_deploy.system.processor import compute_threads, usable_cores


@pytest.fixture(autouse=True)
def groups(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which the files of control groups are looked for."""
    folder = tmp_path_factory.mktemp("groups")
    use_groups(folder, monkeypatch)
    return folder


def write(folder: Path, **files: object) -> None:
    """Write the files of a control group."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name.replace("__", ".")).write_text(f"{content}\n")


@pytest.fixture(autouse=True)
def eight_of_sixty_four(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine of 32 physical and 64 logical cores, of which the process may run on eight."""
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8, 16)), raising=False)
    monkeypatch.setattr(psutil, "cpu_count", lambda logical: 64 if logical else 32)


def test_cores_are_those_of_the_process_where_the_system_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (usable_cores(), compute_threads()) == (8, 8)
    monkeypatch.delattr(os, "sched_getaffinity")
    assert (usable_cores(), compute_threads()) == (64, 32)
    monkeypatch.setattr(psutil, "cpu_count", lambda logical: None)  # noqa: ARG005 - its name counts
    assert compute_threads() == 64


@pytest.mark.parametrize(("share", "cores"), [(0.25, 1), (1, 1), (2.5, 3), (100, 8)])
@pytest.mark.parametrize("inner", ["", "pod/container"])
def test_a_container_keeps_no_more_cores_busy_than_its_quota(
    groups: Path, inner: str, share: float, cores: int
) -> None:
    quota = int(100_000 * share)
    (groups / "own").write_text(VERSION_2.format(inner))
    write(groups / inner, cpu__max=f"{quota} 100000")
    assert usable_cores() == compute_threads() == cores
    (groups / "own").write_text(VERSION_1.format(inner))
    write(groups / "cpu" / inner, cpu__cfs_quota_us=quota, cpu__cfs_period_us=100_000)
    write(groups, cpu__max="max 100000")
    assert usable_cores() == compute_threads() == cores


def test_groups_without_a_quota_limit_nothing(groups: Path) -> None:
    (groups / "own").write_text(VERSION_1.format("pod"))
    write(groups / "pod", cpu__max="max 100000")
    write(groups / "cpu", cpu__cfs_quota_us=-1, cpu__cfs_period_us=100_000)
    assert usable_cores() == 8


def test_the_strictest_quota_counts(groups: Path) -> None:
    (groups / "own").write_text(VERSION_2.format("pod/container"))
    write(groups / "pod", cpu__max="20000 10000")
    write(groups / "pod" / "container", cpu__max="50000 10000")
    assert usable_cores() == 2


def test_nothing_else_of_the_package_counts_cores() -> None:
    counting = ("cpu_count", "sched_getaffinity")
    sources = (ROOT / "amsr_deploy").rglob("*.py")
    assert [path.name for path in sources if any(name in path.read_text() for name in counting)] == ["processor.py"]
