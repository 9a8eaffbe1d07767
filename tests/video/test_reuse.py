"""Which tiles changed, and the rectangles that hold them."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray

from amsr_deploy.video.changes import KeptInputs
from amsr_deploy.video.rectangles import Rectangle, cost, join, runs, single
from amsr_deploy.video.tiles import Tiles

flags = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=12))


@given(
    size=st.tuples(st.integers(1, 50), st.integers(1, 50)),
    side=st.integers(1, 20),
    reach=st.integers(0, 9),
    place=st.tuples(st.floats(0, 0.999), st.floats(0, 0.999)),
)
def test_a_pixel_belongs_to_the_inputs_of_the_tiles_that_reach_it(
    size: tuple[int, int], side: int, reach: int, place: tuple[float, float]
) -> None:
    tiles, pixels = Tiles(size, side, reach), np.zeros(size, np.bool_)
    assert not tiles.holding(pixels).any()
    y, x = (int(share * length) for share, length in zip(place, size, strict=True))
    pixels[y, x] = True
    holding, owners = tiles.holding(pixels), 0
    for ty, tx in np.ndindex(*tiles.shape):
        rows, columns = tiles.core(Rectangle(ty, tx, ty, tx))
        near = rows.start - reach <= y < rows.stop + reach and columns.start - reach <= x < columns.stop + reach
        assert holding[ty, tx] == near
        assert tiles.inputs_of(pixels[..., None])[ty, tx].any() == near
        owners += rows.start <= y < rows.stop and columns.start <= x < columns.stop
    assert owners == 1


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("value", [0, 3, 100, 255])
def test_an_input_differs_from_what_its_tile_was_computed_from(value: int, dtype: type[np.generic]) -> None:
    tiles = Tiles((20, 30), 8, 3)
    everywhere, inputs = np.ones((20, 30), np.bool_), KeptInputs(tiles, tolerance=4)
    frame = np.full((20, 30, 3), value, dtype)
    everything = inputs.changed(frame, everywhere, None)
    assert everything.all()
    inputs.keep(frame, None, everything)
    for other in {max(value - 4, 0), min(value + 4, 255)}:
        frame[2, 10, 1] = other
        assert not inputs.changed(frame, everywhere, None).any()
    frame[2, 10, 1] = value - 5 if value > 5 else value + 5
    changed = inputs.changed(frame, everywhere, None)
    assert changed.tolist() == tiles.holding((frame != value).any(axis=2)).tolist()
    assert not inputs.changed(frame, ~everywhere, None).any()
    inputs.keep(frame, None, changed)
    assert not inputs.changed(frame, everywhere, None).any()


@given(flags=flags)
def test_runs_hold_the_tiles_that_are_set_and_no_other(flags: NDArray[np.bool_]) -> None:
    counts = np.zeros(flags.shape, np.int64)
    for part in runs(flags):
        counts[part.top : part.bottom + 1, part.left : part.right + 1] += 1
    np.testing.assert_array_equal(counts, flags)


@given(flags=flags, side=st.sampled_from([8, 32]), halo=st.integers(0, 40))
def test_rectangles_hold_all_that_changed_once_and_cost_no_more(flags: NDArray[np.bool_], side: int, halo: int) -> None:
    covered = np.zeros_like(flags)
    joined = join(flags, side, halo)
    for part in joined:
        covered[part.top : part.bottom + 1, part.left : part.right + 1] = True
    assert covered[flags].all()
    alone = single(flags)
    assert len(alone) == flags.sum()
    assert sum(cost(np.array(part), side, halo) for part in joined) <= sum(
        cost(np.array(part), side, halo) for part in alone
    )


def test_a_full_picture_is_one_rectangle() -> None:
    assert len(join(np.ones((7, 9), np.bool_), 32, 18)) == 1
