"""How much memory there is, and what to say where it is too little."""

from __future__ import annotations

import os
from pathlib import Path

from amsr_deploy.errors import ImageError

CAUTIOUS = 2 << 30
"""Budget in bytes where the system does not tell its free memory."""
IN_STRIPS = "write PNG or TIFF, which are never in memory as a whole, or use a smaller `scale`"
"""What helps where a whole result does not fit in memory."""
_MEMORY_FILE = Path("/proc/meminfo")


def memory_budget() -> int:
    """Bytes of main memory that a run may take: half of what is free, so that the rest of the machine goes on."""
    try:
        free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return CAUTIOUS
    return free // 2


def available_memory() -> int | None:
    """Bytes that a program can get, with what other files are cached in and with swap; None where nobody tells."""
    try:
        lines = _MEMORY_FILE.read_text().splitlines()
    except OSError:
        return None
    sizes = {name: 1024 * int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines)}
    return sizes["MemAvailable"] + sizes.get("SwapFree", 0) if "MemAvailable" in sizes else None


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
