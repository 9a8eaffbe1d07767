"""Warnings of decoders go to whoever reads; all others are those of the application."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterator

import pytest

from amsr_deploy.image.decoder_warnings import caught_warnings


@pytest.fixture(autouse=True)
def own_filters() -> Iterator[None]:
    with warnings.catch_warnings():
        yield


def warn_of_a_picture(message: str, seen: dict[str, int]) -> None:
    """Warn as a module of Pillow that remembers what it warned of."""
    warnings.warn_explicit(message, UserWarning, "Image.py", 1, "PIL.Image", seen)


def run_in_thread(work: Callable[[], object]) -> None:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def test_each_thread_gets_its_own_and_others_are_shown() -> None:
    both_read, caught = threading.Barrier(3), {}
    seen: dict[str, int] = {}

    def read(name: str) -> None:
        with caught_warnings() as found:
            both_read.wait(60)
            for _ in range(2):
                warn_of_a_picture(name, seen)
            both_read.wait(60)
        caught[name] = [str(each) for each in found]

    warnings.simplefilter("default")
    with warnings.catch_warnings(record=True):
        warn_of_a_picture("a", seen)  # is known, and would not be shown again
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


def test_filters_of_the_application_hold_meanwhile() -> None:
    shown: list[str] = []
    errors: list[Warning] = []

    def warn() -> None:
        warnings.warn("old", DeprecationWarning, stacklevel=1)
        try:
            warnings.warn("not a number", RuntimeWarning, stacklevel=1)
        except RuntimeWarning as error:
            errors.append(error)

    warnings.showwarning = lambda message, *_, **__: shown.append(str(message))
    warnings.simplefilter("ignore", DeprecationWarning)
    warnings.simplefilter("error", RuntimeWarning)
    with caught_warnings() as found:
        warn()
        run_in_thread(warn)
    assert (len(errors), shown, found) == (2, [], [])


def test_what_the_application_sets_meanwhile_stays() -> None:
    shown: list[str] = []

    def show(message: Warning | str, *_: object, **__: object) -> None:
        shown.append(str(message))

    def set_up() -> None:
        warnings.resetwarnings()
        warnings.simplefilter("error", RuntimeWarning)
        warnings.showwarning = show

    with caught_warnings():
        run_in_thread(set_up)
    assert warnings.showwarning is show
    assert [(action, category) for action, _, category, _, _ in warnings.filters] == [("error", RuntimeWarning)]
    with caught_warnings() as found:
        warn_of_a_picture("a", {})
    warnings.warn("later", UserWarning, stacklevel=1)
    assert ([str(each) for each in found], shown) == (["a"], ["later"])
