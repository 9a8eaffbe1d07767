"""Tiles cover a picture once and overlap by the halo."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
from hypothesis import given

from amsr_deploy.runtime.tiles import padded_length, read_tile, side_within, smallest_tile, spans


@given(length=st.integers(1, 500), tile=st.integers(1, 300), halo=st.integers(0, 40), multiple=st.sampled_from([1, 8]))
def test_spans_cover_once_and_overlap(length: int, tile: int, halo: int, multiple: int) -> None:
    length *= multiple
    covered = np.zeros(length, dtype=int)
    found = spans(length, tile, halo, multiple)
    assert len({span.stop - span.start for span in found}) == 1
    for span in found:
        covered[span.first : span.last] += 1
        assert span.start <= max(span.first - halo, 0)
        assert span.stop >= min(span.last + halo, length)
        assert 0 <= span.start < span.stop <= length
        assert span.start % multiple == span.stop % multiple == 0
        assert span.stop - span.start <= max(tile, 2 * (halo + multiple) + multiple)
    assert (covered == 1).all()
    overlap, step = -(-halo // multiple) * multiple, len(found) * multiple
    assert sum(span.stop - span.start for span in found) <= length + 2 * overlap * (len(found) - 1) + step


def test_a_picture_a_little_larger_than_a_tile_does_not_double_the_work() -> None:
    first, second = spans(1928, tile=1920, halo=21)
    assert first.stop - first.start == second.stop - second.start == 985


@given(length=st.integers(1, 2000), halo=st.integers(1, 40), multiple=st.sampled_from([1, 8]))
def test_the_smallest_tile_does_not_repeat_the_work_too_often(length: int, halo: int, multiple: int) -> None:
    """An engine or a user may ask for small tiles: 307,200 tiles of a core of one pixel took hours."""
    length *= multiple
    tile = smallest_tile(halo, multiple)
    assert sum(span.stop - span.start for span in spans(length, tile, halo, multiple)) <= 3 * length + tile


def test_small_pictures_are_one_tile() -> None:
    (span,) = spans(40, tile=64, halo=21)
    assert (span.start, span.stop) == (0, 40)


@given(
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    edge=st.integers(0, 9),
    multiple=st.sampled_from([1, 8]),
    tile=st.integers(30, 60),
)
def test_tiles_are_parts_of_the_reflected_picture(height: int, width: int, edge: int, multiple: int, tile: int) -> None:
    image = np.arange(height * width).reshape(height, width)
    lengths = [padded_length(side, edge, multiple) for side in image.shape]
    beyond = [(edge, length - side - edge) for length, side in zip(lengths, image.shape, strict=True)]
    padded = np.pad(image, beyond, mode="reflect")
    for rows in spans(lengths[0], tile, 3, multiple):
        for columns in spans(lengths[1], tile, 3, multiple):
            np.testing.assert_array_equal(read_tile(image, rows, columns, edge), padded[rows.read, columns.read])


def test_side_follows_from_the_budget() -> None:
    side = side_within(1 << 30, 20_000)
    assert side**2 * 20_000 <= 1 << 30 < (side + 1) ** 2 * 20_000
