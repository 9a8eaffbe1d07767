"""Which tiles changed, and the rectangles that hold them."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
from hypothesis import given
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray

from amsr_deploy.video.reuse import Tiles, cost, join, single

flags = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=12))


@given(
    size=st.tuples(st.integers(1, 50), st.integers(1, 50)),
    side=st.integers(1, 20),
    reach=st.integers(0, 9),
    place=st.tuples(st.floats(0, 0.999), st.floats(0, 0.999)),
)
def test_a_pixel_changes_the_tiles_that_reach_it(
    size: tuple[int, int], side: int, reach: int, place: tuple[float, float]
) -> None:
    tiles, frame = Tiles(size, side, reach), np.zeros((*size, 3), np.uint8)
    assert tiles.changed(frame, 0).all()
    tiles.keep(frame, np.ones(tiles.shape, np.bool_))
    y, x = (int(share * length) for share, length in zip(place, size, strict=True))
    frame[y, x, 1] = 5
    changed, owners = tiles.changed(frame, 4), 0
    for ty, tx in np.ndindex(*tiles.shape):
        rows, columns = tiles.core((ty, tx))
        near = rows.start - reach <= y < rows.stop + reach and columns.start - reach <= x < columns.stop + reach
        assert changed[ty, tx] == near
        owners += rows.start <= y < rows.stop and columns.start <= x < columns.stop
    assert owners == 1
    assert not tiles.changed(frame, 5).any()


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
