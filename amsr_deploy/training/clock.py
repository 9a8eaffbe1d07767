"""Measures how much of a training is done, by its steps or by its time, and how fast it goes."""

from __future__ import annotations

import time
from collections.abc import Mapping

FIRST_STEPS = 5
"""Steps that compile and choose algorithms: their time is no part of the schedules, but of the training."""
MOST = 1e15
"""Steps or seconds that no training reaches; up to here `float` counts all."""


class Clock:
    """Measures a training that may be interrupted."""

    def __init__(self, steps: int, minutes: float | None) -> None:
        self._spent = self._lost_before = 0.0  # by earlier processes
        self._steps, self._minutes = steps, minutes
        self._started = time.monotonic()
        self._first: int | None = None
        self._lost = 0.0

    @property
    def seconds(self) -> float:
        """Seconds of training so far."""
        return self._spent + time.monotonic() - self._started

    def start(self) -> None:
        """Count from now on."""
        self._started = time.monotonic()

    def state(self) -> dict[str, str]:
        """Write what `load_state` needs: the seconds of training, and how many of them are no part of the schedules."""
        return {"seconds": f"{self.seconds:.3f}", "lost_seconds": f"{self._lost:.3f}"}

    def load_state(self, state: Mapping[str, str]) -> None:
        """Go on from what `state` returned; checkpoints of earlier versions have no lost seconds.

        Raises:
            KeyError, ValueError: the seconds are missing, or as `read_amount` says.
        """
        self._spent = read_amount(state, "seconds")
        self._lost = self._lost_before = read_amount({"lost_seconds": "0", **state}, "lost_seconds")

    def progress(self, step: int) -> float:
        """Compute the share of the training that is done after so many steps, in [0, 1]."""
        if self._minutes is None:
            return min(step / self._steps, 1.0)
        self._first = step if self._first is None else self._first
        whole, seconds = 60 * self._minutes, self.seconds
        if step < self._first + FIRST_STEPS:
            self._lost = self._lost_before + min(seconds - self._spent, max(whole - self._spent, 0) / 2)
        return min((seconds - self._lost) / (whole - self._lost), 1.0)

    def expected_steps(self, step: int, progress: float) -> int:
        """Estimate the number of steps in all."""
        return self._steps if self._minutes is None else max(step, round(step / max(progress, 1e-9)))


def read_amount(facts: Mapping[str, str], name: str) -> float:
    """Read a number of steps or seconds from the facts of a checkpoint.

    Raises:
        KeyError: it is missing.
        ValueError: it is no number, negative, or more than is ever reached.
    """
    amount = float(facts[name])
    if not 0 <= amount <= MOST:
        raise ValueError(f"{name} {amount:g}")
    return amount


class Pace:
    """Measures how long a step takes."""

    def __init__(self, step: int) -> None:
        """Begin at a step."""
        self._step, self._began, self._is_warm = step, time.monotonic(), False

    def seconds_per_step(self, step: int) -> float:
        """Return the mean until now; what comes before the first call compiles, and counts in that one only."""
        now = time.monotonic()
        seconds = (now - self._began) / (step - self._step)
        if not self._is_warm:
            self._step, self._began, self._is_warm = step, now, True
        return seconds
