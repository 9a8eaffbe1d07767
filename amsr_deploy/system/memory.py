"""How much memory there is and was used, and what to say where it is too little."""

from __future__ import annotations

import sys
from pathlib import Path

from amsr_deploy.errors import ImageError
from amsr_deploy.system import cgroups
from amsr_deploy.wording import IN_STRIPS

_STATUS_FILE = Path("/proc/self/status")


def memory_budget() -> int:
    """Return the bytes of main memory that a run may take: half of what is there, so that the machine goes on."""
    return available_memory(with_swap=False) // 2


def available_memory(with_swap: bool = True) -> int:
    """Return the bytes that this process can get, with what files are cached in."""
    import psutil  # here, because training does without

    swap = psutil.swap_memory().free if with_swap else 0
    system = psutil.virtual_memory().available + swap  # in a container, of the machine around it
    left = cgroups.memory_left()
    return system if left is None else min(system, left)


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
    if needed > available:
        raise ImageError(
            f"{what} takes {needed / 2**30:.1f} GiB of memory, and {available / 2**30:.1f} are available; {remedy}"
        )
