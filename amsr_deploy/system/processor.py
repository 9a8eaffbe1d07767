"""The processor: how many cores there are to work on, and what it calls itself."""

from __future__ import annotations

import os
import platform
from math import ceil
from pathlib import Path

from amsr_deploy.system import cgroups


def usable_cores() -> int:
    """Count the cores that this process may keep busy, which a container may limit by their number or their time."""
    try:
        allowed = len(os.sched_getaffinity(0))
    except AttributeError:  # not on Linux
        allowed = os.cpu_count() or 1
    quota = cgroups.cpu_quota()
    return allowed if quota is None else min(allowed, ceil(quota))


def compute_threads() -> int:
    """Count the threads for arithmetic: one for each physical core, as two threads of a core share its multipliers."""
    import psutil  # here, because training does without

    cores = usable_cores()
    return min(cores, psutil.cpu_count(logical=False) or cores)


def cpu_name() -> str:
    """Return the processor's name for itself, or at least its architecture."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        names = [line.partition(":")[2].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        return names[0] if names else platform.machine()
    if platform.system() == "Darwin":
        import subprocess  # here, because upscaling does without

        return subprocess.run(
            ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"], capture_output=True, text=True, check=True
        ).stdout.strip()
    return platform.processor() or platform.machine()
