"""How much memory and processor time Linux's control groups leave this process: containers are limited by them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TypeVar

Amount = TypeVar("Amount", int, float)

_OWN, _MOUNTED = Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class _MemoryNames:
    """What a version of control groups calls its files, and in `memory.stat` the caches that can be dropped."""

    limit: str
    used: str
    cache: str


_MEMORY = {
    1: _MemoryNames("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    2: _MemoryNames("memory.max", "memory.current", "inactive_file"),
}


def memory_left() -> int | None:
    """Return the bytes that the strictest limit leaves, files' caches counted as free; None where there is no limit."""
    return _strictest("memory", _memory_left)


def cpu_quota() -> float | None:
    """Return how many cores' time the strictest limit allows, such as 1.5; None where there is no limit."""
    return _strictest("cpu", _cpu_quota)


def _strictest(controller: str, limit: Callable[[Path, int], Amount | None]) -> Amount | None:
    """Return the smallest limit of the groups around this process; None where there is none.

    A container may see its group as the root only, and yet be told the name that it has outside: then a group is not
    there.
    """
    limits: list[Amount] = []
    for group, version in _groups(controller):
        try:
            found = limit(group, version)
        except OSError:
            continue
        if found is not None:
            limits.append(found)
    return min(limits, default=None)


def _groups(controller: str) -> Iterator[tuple[Path, int]]:
    """Yield the folder of each group that this process is in, as a version names it, and that version."""
    try:
        lines = _OWN.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, own = line.split(":", 2)
        if not controllers or controller in controllers.split(","):
            mounted = _MOUNTED / controller if controllers else _MOUNTED
            for group in (PurePosixPath(own), *PurePosixPath(own).parents):
                yield mounted / str(group)[1:], 1 if controllers else 2


def _memory_left(group: Path, version: int) -> int | None:
    names = _MEMORY[version]
    limit = (group / names.limit).read_text().strip()
    used = int((group / names.used).read_text())
    sizes = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
    return None if limit == "max" else max(int(limit) - used + int(sizes.get(names.cache, 0)), 0)


def _cpu_quota(group: Path, version: int) -> float | None:
    """Divide the microseconds that a group may run in a period by those of the period."""
    if version == 1:
        quota, period = ((group / f"cpu.cfs_{each}_us").read_text().strip() for each in ("quota", "period"))
    else:
        quota, period = (group / "cpu.max").read_text().split()
    return None if quota in ("max", "-1") else int(quota) / int(period)
