"""What is taken ahead comes in order, and ends as its source does."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from amsr_deploy.errors import VideoError
from amsr_deploy.video.background import prefetch

MOST = 3


def numbers(taken: list[int], end: int, error: Exception | None = None) -> Iterator[int]:
    """Numbers from 0, which are noted; then an error."""
    for number in range(end):
        taken.append(number)
        yield number
    if error:
        raise error


@pytest.mark.parametrize("count", [0, 1, MOST, 10])
def test_items_come_in_order_and_an_error_after_them(count: int) -> None:
    assert list(prefetch(numbers([], count), MOST)) == list(range(count))
    received: list[int] = []
    with pytest.raises(VideoError, match="damaged"):
        received.extend(prefetch(numbers([], count, VideoError("damaged")), MOST))
    assert received == list(range(count))


def test_so_many_are_taken_ahead_and_no_thread_is_left_after_closing() -> None:
    taken: list[int] = []
    before = set(threading.enumerate())
    with closing(prefetch(numbers(taken, 100), MOST)) as items:
        assert next(items) == 0
        deadline = time.monotonic() + 10
        while len(taken) < 1 + MOST and time.monotonic() < deadline:
            time.sleep(0.01)
        assert set(threading.enumerate()) > before
    assert taken == list(range(1 + MOST))
    assert set(threading.enumerate()) <= before
