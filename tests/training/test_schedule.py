"""The mask schedule and the learning rate over a training."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amsr_deploy.errors import UserError
from amsr_deploy.training.schedule import MaskSchedule, learning_rate


@given(target=st.integers(0, 10).map(lambda n: 2 * n + 1), steps=st.integers(20, 5000))
def test_dilation_shrinks_from_all_ones_to_the_target(target: int, steps: int) -> None:
    schedule = MaskSchedule.towards(target)
    dilations = [schedule.dilation_at(step / steps) for step in range(steps)]
    sizes = [float("inf") if dilation is None else dilation for dilation in dilations]
    assert dilations[0] is None
    assert sizes == sorted(sizes, reverse=True)
    assert dilations[-1] == target
    assert dilations.count(None) == pytest.approx(steps / 10, abs=1)
    assert dilations.count(target) == pytest.approx(0.6 * steps, abs=1)


@given(target=st.integers(0, 10).map(lambda n: 2 * n + 1), dense=st.sampled_from([0.0, 0.05, 0.3]))
def test_text_form_says_it_all(target: int, dense: float) -> None:
    schedule = MaskSchedule.towards(target, dense)
    again = MaskSchedule.parse(str(schedule))
    assert all(again.dilation_at(step / 997) == schedule.dilation_at(step / 997) for step in range(997))


def test_a_single_dilation_is_a_fixed_mask() -> None:
    schedule = MaskSchedule.parse("7")
    assert {schedule.dilation_at(step / 10) for step in range(10)} == {7}


@pytest.mark.parametrize("text", ["", "dense", "5:0.5", "dense:x,5", "4:0.1,5", "7:0.1,4", "7:0.5,5:0.5,3", "7:-0.1,5"])
def test_schedules_that_make_no_sense(text: str) -> None:
    with pytest.raises(UserError):
        MaskSchedule.parse(text)


@given(steps=st.integers(20, 5000), peak=st.floats(1e-5, 1e-2))
def test_learning_rate_rises_almost_to_its_peak_and_falls(steps: int, peak: float) -> None:
    rates = [learning_rate(step, step / steps, peak) for step in range(steps)]
    top = rates.index(max(rates))
    assert all(0 < rate <= peak * (1 + 1e-9) for rate in rates)
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert max(rates) == pytest.approx(peak, rel=0.1)
    assert learning_rate(steps, 1.0, peak) == pytest.approx(1e-7)
