"""Rounds the sizes of selections up, so that pictures of one size share a few prepared runs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

STEPS = 16
"""Buckets from each power of two to the next: padding costs 3 % on average, 6 % at most."""


def bucket(count: int) -> int:
    """Round a count up to its bucket; 0 and small counts are buckets of their own."""
    step = 1 << max(count.bit_length() - STEPS.bit_length(), 0)
    return -(-count // step) * step


def pad(index: NDArray[np.int64], limit: int) -> NDArray[np.int64]:
    """Pad an index [Q] to its bucket by repeating its last entry: the same row gets the same value, which is harmless.

    An empty index stays empty: there is no entry whose repetition would change nothing.

    Args:
        index: what a network works on.
        limit: most entries that make sense, those of the whole picture.
    """
    size = min(bucket(len(index)), limit)
    return np.pad(index, (0, size - len(index)), mode="edge") if len(index) else index
