"""How much memory there is and was used, and what to say where it is too little."""

from __future__ import annotations

import sys
from pathlib import Path

from amsr_deploy.errors import ImageError
from amsr_deploy.system import cgroups

CAUTIOUS = 2 << 30
"""Budget in bytes where the system does not tell its free memory."""
IN_STRIPS = "write PNG or TIFF, which are never in memory as a whole, or use a smaller `scale`"
"""What helps where a whole result does not fit in memory."""
_MEMORY_FILE, _STATUS_FILE = Path("/proc/meminfo"), Path("/proc/self/status")


def memory_budget() -> int:
    """Bytes of main memory that a run may take: half of what is there, so that the rest of the machine goes on."""
    available = available_memory(with_swap=False)
    return CAUTIOUS if available is None else available // 2


def available_memory(with_swap: bool = True) -> int | None:
    """Bytes that this process can get, with what files are cached in; None where nobody tells."""
    known = (_system_memory(with_swap), cgroups.memory_left())
    return min((size for size in known if size is not None), default=None)


def _system_memory(with_swap: bool) -> int | None:
    """Bytes that the whole system has left, which in a container is the machine around it."""
    try:
        lines = _MEMORY_FILE.read_text().splitlines()
    except OSError:
        return None
    sizes = {name: 1024 * int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines)}
    swap = sizes.get("SwapFree", 0) if with_swap else 0
    return sizes["MemAvailable"] + swap if "MemAvailable" in sizes else None


def peak_memory() -> int | None:
    """Return the largest resident memory of this process so far, in bytes; None where the system does not tell."""
    if _STATUS_FILE.is_file():  # unlike ru_maxrss, this does not begin with the peak of the parent process
        (line,) = (line for line in _STATUS_FILE.read_text().splitlines() if line.startswith("VmHWM:"))
        return 1024 * int(line.split()[1])
    try:
        import resource
    except ImportError:
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def check_memory(needed: int, what: str, remedy: str = IN_STRIPS) -> None:
    """Refuse work for which the memory is too little, before the system ends the process.

    Args:
        needed: bytes.
        what: what is going to be in memory, for users.
        remedy: what helps.

    Raises:
        ImageError: there is less memory.
    """
    available = available_memory()
    if available is not None and needed > available:
        raise ImageError(
            f"{what} takes {needed / 2**30:.1f} GiB of memory, and {available / 2**30:.1f} are available; {remedy}"
        )
