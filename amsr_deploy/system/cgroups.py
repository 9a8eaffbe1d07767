"""How much memory Linux's control groups leave this process: their limits are those of containers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

_OWN, _MOUNTED = Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class _Names:
    """What a version of control groups calls its files, and in `memory.stat` the caches that can be dropped."""

    folder: str
    limit: str
    used: str
    cache: str


_VERSION_1 = _Names("memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
_VERSION_2 = _Names("", "memory.max", "memory.current", "inactive_file")


def memory_left() -> int | None:
    """Return the bytes that the strictest limit leaves, files' caches counted as free; None where there is no limit."""
    try:
        lines = _OWN.read_text().splitlines()
    except OSError:
        return None
    left: list[int] = []
    for line in lines:
        _, controllers, own = line.split(":", 2)
        if not controllers or "memory" in controllers.split(","):
            names = _VERSION_1 if controllers else _VERSION_2
            groups = (PurePosixPath(own), *PurePosixPath(own).parents)
            found = (_left(_MOUNTED / names.folder / str(group)[1:], names) for group in groups)
            left += [size for size in found if size is not None]
    return min(left, default=None)


def _left(group: Path, names: _Names) -> int | None:
    """Return what a group's own limit leaves; None where it has none, or is not there.

    A container may see its group as the root only, and yet be told the name that it has outside.
    """
    try:
        limit = (group / names.limit).read_text().strip()
        used = int((group / names.used).read_text())
        sizes = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
    except OSError:
        return None
    return None if limit == "max" else max(int(limit) - used + int(sizes.get(names.cache, 0)), 0)
