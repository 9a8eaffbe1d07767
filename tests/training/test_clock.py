"""What a training of minutes counts."""

from __future__ import annotations

import pytest

from amsr_deploy.training import clock
from amsr_deploy.training.clock import Clock, Pace


class Time:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    chosen = Time()
    monkeypatch.setattr(clock, "time", chosen)
    return chosen


def test_the_first_steps_cost_time_and_no_schedule(time: Time) -> None:
    watch = Clock(steps=1, minutes=1)
    assert watch.progress(0) == 0
    time.now += 20  # compiling
    assert watch.progress(1) == 0
    assert [watch.progress(step) for step in (2, 3, 4, 5)] == [0, 0, 0, 0]
    time.now += 20
    assert watch.progress(300) == pytest.approx(0.5)
    time.now += 20
    assert watch.progress(600) == 1


def test_slow_first_steps_are_not_the_whole_training(time: Time) -> None:
    watch = Clock(steps=1, minutes=1)
    watch.progress(0)
    time.now += 45
    assert watch.progress(1) == pytest.approx(0.5)
    time.now += 15
    assert watch.progress(2) == 1


def test_a_resumed_training_has_the_rest_of_its_minutes(time: Time) -> None:
    watch = Clock(steps=1, minutes=1)
    watch.load_state({"seconds": "30"})
    assert watch.progress(500) == pytest.approx(0.5)
    time.now += 30
    assert watch.progress(600) == 1
    assert watch.seconds == 60
    watch = Clock(steps=1, minutes=1)
    watch.load_state({"seconds": "61"})
    assert watch.progress(700) == 1


def test_time_that_was_no_part_of_the_schedules_stays_so_in_a_resumed_training(time: Time) -> None:
    first = Clock(steps=1, minutes=2)
    first.progress(0)
    time.now += 20  # compiling
    assert [first.progress(step) for step in (1, 5)] == [0, 0]
    time.now += 50
    before = first.progress(100)
    second = Clock(steps=1, minutes=2)
    second.load_state(first.state())
    assert second.progress(100) == pytest.approx(before) == 0.5
    time.now += 10  # compiling again
    second.progress(101)
    second.progress(105)
    time.now += 20
    assert second.progress(200) == pytest.approx(70 / 90)
    assert second.seconds == pytest.approx(100)


def test_steps_that_compile_count_in_the_first_reading_only(time: Time) -> None:
    pace = Pace(40)
    time.now += 60
    assert pace.seconds_per_step(60) == 3
    for step in (80, 100):
        time.now += 10
        assert pace.seconds_per_step(step) == 0.5
