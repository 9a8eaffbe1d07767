"""Control groups of a test's own, whatever limits the tests themselves run under."""

from __future__ import annotations

from pathlib import Path

import pytest

from amsr_deploy.system import cgroups

VERSION_1 = "12:cpuset:/\n4:memory:/{0}\n3:cpu,cpuacct:/{0}\n0::/\n"
VERSION_2 = "0::/{}\n"
"""What a process reads of the groups that it is in, with the name of the innermost one to fill in."""


def use_groups(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Look for the files of control groups in a folder; without any there is no limit."""
    monkeypatch.setattr(cgroups, "_OWN", folder / "own")
    monkeypatch.setattr(cgroups, "_MOUNTED", folder)
