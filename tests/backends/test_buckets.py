"""Buckets of selections."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from amsr_deploy.runtime.backends.tensorrt.buckets import STEPS, bucket, pad


@given(st.integers(0, 1 << 22))
def test_buckets_hold_their_counts_and_waste_little(count: int) -> None:
    assert count <= bucket(count) <= count * (1 + 1 / STEPS)
    assert bucket(bucket(count)) == bucket(count)


def test_few_buckets_serve_all_pictures_of_a_size() -> None:
    pixels = 270 * 480
    assert len({bucket(count) for count in range(pixels // 4, pixels)}) <= 3 * STEPS


@given(st.lists(st.integers(0, 999), max_size=200, unique=True), st.integers(0, 300))
def test_padding_repeats_the_last_entry(entries: list[int], more: int) -> None:
    index = np.sort(np.array(entries, dtype=np.int64))
    padded = pad(index, limit=len(entries) + more)
    np.testing.assert_array_equal(padded[: len(index)], index)
    assert set(padded[len(index) :]) <= {index[-1]} if len(index) else len(padded) == 0
    assert len(padded) <= len(entries) + more
    assert padded.dtype == np.int64
