"""How much memory a run may take."""

from __future__ import annotations

import os

CAUTIOUS = 2 << 30
"""Budget in bytes where the system does not tell its free memory."""


def memory_budget() -> int:
    """Bytes of main memory that a run may take: half of what is free, so that the rest of the machine goes on."""
    try:
        free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return CAUTIOUS
    return free // 2
