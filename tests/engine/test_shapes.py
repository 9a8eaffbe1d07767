"""Sizes that engines are built for."""

from __future__ import annotations

import dataclasses
import itertools

import pytest
from engine_cases import metadata_of
from hypothesis import given
from hypothesis import strategies as st

from amsr_deploy.engine.shapes import make_profile, make_sizes
from amsr_deploy.errors import UserError
from amsr_deploy.metadata import Metadata
from amsr_deploy.runtime.shipped import shipped_model

METADATA = metadata_of(shipped_model("carn"))
SIZES = st.tuples(st.integers(1, 300), st.integers(1, 300))
MAYBE = st.none() | SIZES


def model(multiple: int, scale: int = 4, values: int = 0) -> Metadata:
    return dataclasses.replace(METADATA, window_size=multiple, scale=scale, values_per_pixel=values)


@given(MAYBE, MAYBE, MAYBE, st.sampled_from([1, 8]))
def test_sizes_are_in_order_and_as_given_or_refused(
    smallest: tuple[int, int] | None, optimal: tuple[int, int] | None, largest: tuple[int, int] | None, multiple: int
) -> None:
    given_sizes = [size and (size[0] * multiple, size[1] * multiple) for size in (smallest, optimal, largest)]
    known = [size for size in given_sizes if size]
    ordered = all(a[0] <= b[0] and a[1] <= b[1] for a, b in itertools.pairwise(known))
    if not ordered:
        with pytest.raises(UserError, match="out of order"):
            make_sizes(*given_sizes, model(multiple))
        return
    sizes = make_sizes(*given_sizes, model(multiple))
    made = (sizes.smallest, sizes.optimal, sizes.largest)
    assert all(wanted in (None, size) for wanted, size in zip(given_sizes, made, strict=True))
    assert all(a[0] <= b[0] and a[1] <= b[1] for a, b in itertools.pairwise(made))
    assert all(side % multiple == 0 for size in made for side in size)


@pytest.mark.parametrize(
    ("size", "multiple", "scale", "values", "message"),
    [
        ((100, 104), 8, 4, 0, "multiples of 8"),
        ((0, 8), 1, 4, 0, "positive"),
        ((10_000, 10_000), 1, 4, 0, "more than 44739242 pixels"),
        ((20_000, 10_000), 1, 2, 0, "more than 178956970 pixels"),
        ((2048, 2048), 1, 4, 1024, "more than 2097151 pixels"),  # CARN: 64 channels before the last convolution
    ],
)
def test_sizes_that_a_model_cannot_take(
    size: tuple[int, int], multiple: int, scale: int, values: int, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        make_sizes(None, None, size, model(multiple, scale, values))


def test_smaller_scales_take_larger_pictures() -> None:
    assert make_sizes(None, None, (10_000, 10_000), model(1, scale=2)).largest == (10_000, 10_000)


def test_selections_reach_from_nothing_to_everything() -> None:
    sizes = make_sizes((16, 16), (32, 64), (64, 128), model(8))
    assert make_profile(METADATA, sizes)["index"] == ((0,), (717,), (64 * 128,))
    windows = dataclasses.replace(METADATA, body="windows", window_size=8)
    profile = make_profile(windows, sizes)
    assert profile["windows"] == profile["shifted_windows"] == ((0,), (16,), (8 * 16,))
    assert make_profile(dataclasses.replace(METADATA, masked=False), sizes) == {
        "image": ((1, 3, 16, 16), (1, 3, 32, 64), (1, 3, 64, 128))
    }
