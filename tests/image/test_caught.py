"""Warnings of decoders go to whoever reads, those of other threads where they ever go."""

from __future__ import annotations

import threading
import warnings

import pytest

from amsr_deploy.image.caught import caught_warnings


def test_each_thread_gets_its_own_and_others_are_shown() -> None:
    both_read, caught = threading.Barrier(3), {}

    def read(name: str) -> None:
        with caught_warnings() as found:
            both_read.wait(60)
            for _ in range(2):
                warnings.warn(name, stacklevel=1)
            both_read.wait(60)
        caught[name] = [str(each) for each in found]

    threads = [threading.Thread(target=read, args=(name,)) for name in ("a", "b")]
    show, filters = warnings.showwarning, list(warnings.filters)
    for thread in threads:
        thread.start()
    both_read.wait(60)
    with pytest.warns(UserWarning, match="of the network") as shown:
        warnings.warn("of the network", stacklevel=1)
    both_read.wait(60)
    for thread in threads:
        thread.join()
    assert caught == {"a": ["a", "a"], "b": ["b", "b"]}
    assert len(shown) == 1
    assert (warnings.showwarning, warnings.filters) == (show, filters)
