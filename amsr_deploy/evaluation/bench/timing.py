"""Times of things that are compared: measured in turns, because only their ratios outlive a busy machine."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Hashable, Mapping
from typing import TypeVar

Run = Callable[[], object]
Name = TypeVar("Name", bound=Hashable)


def seconds(run: Run) -> float:
    """Measure the wall time of a call."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def warm_seconds(run: Run) -> float:
    """Measure the wall time of the second of two calls: the first one fills the caches."""
    run()
    return seconds(run)


def medians(
    runs: Mapping[Name, Run], repeats: int, warm_up: int = 1, clock: Callable[[Run], float] = seconds
) -> dict[Name, float]:
    """Measure the median seconds of each run, in turns.

    Args:
        runs: what to measure, by name.
        repeats: rounds that count.
        warm_up: rounds before them, in which memory grows to its size.
        clock: measures a call.
    """
    rounds = [[clock(run) for run in runs.values()] for _ in range(warm_up + repeats)][warm_up:]
    return {name: statistics.median(times) for name, times in zip(runs, zip(*rounds, strict=True), strict=True)}
