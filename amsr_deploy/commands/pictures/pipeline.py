"""The order of pictures that are worked on at the same time: each waits for its turn to be read, and to be upscaled."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager


class Stage:
    """A kind of work that pictures begin in their order, some at the same time."""

    def __init__(self, at_once: int) -> None:
        self._at_once, self._begun, self._running, self._stopped = at_once, 0, 0, False
        self._changed = threading.Condition()

    @contextmanager
    def turn(self, number: int) -> Iterator[None]:
        """Wait until the pictures before this one have begun and a place is free; keep that place for the block.

        Raises:
            KeyboardInterrupt: after `stop`.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or (self._begun == number and self._running < self._at_once))
            if self._stopped:
                raise KeyboardInterrupt
            self._begun, self._running = self._begun + 1, self._running + 1
            self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._running -= 1
                self._changed.notify_all()

    def end(self, number: int) -> None:
        """Let the pictures after this one begin, which may have ended before its turn."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or self._begun >= number)
            self._begun = max(self._begun, number + 1)
            self._changed.notify_all()

    def stop(self) -> None:
        """Let nothing begin any more."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()


class Pipeline:
    """The stages that all pictures pass through.

    Attributes:
        stopped: whether the work is to end.
    """

    def __init__(self, at_once: int, on_stop: Callable[[], object] = lambda: None) -> None:
        """Let some pictures be read, and some be upscaled, at the same time; `on_stop` is called by `stop`."""
        self.stopped, self._on_stop = False, on_stop
        self.reading, self.network = Stage(at_once), Stage(at_once)

    def stop(self) -> None:
        """End the work: what is read or upscaled ends with KeyboardInterrupt, what is only written is written."""
        self.stopped = True
        self.reading.stop()
        self.network.stop()
        self._on_stop()


class Turn:
    """The turn of one picture."""

    def __init__(self, pipeline: Pipeline, number: int, on_tile: Callable[[int, int], object]) -> None:
        """Give a picture its turn.

        Args:
            pipeline: of all pictures.
            number: of the pictures before it.
            on_tile: is called after each tile with the number of those that are done, and of all.
        """
        self._pipeline, self._number, self._on_tile = pipeline, number, on_tile
        self._network = ExitStack()

    def reading(self) -> AbstractContextManager[None]:
        """Wait for the turn to be read; the block is what is done in it. It comes once, as that of the network."""
        return self._pipeline.reading.turn(self._number)

    @contextmanager
    def network(self) -> Iterator[None]:
        """Likewise wait for the turn to be upscaled, which `last_tile` may end before the block does."""
        with self._network:
            self._network.enter_context(self._pipeline.network.turn(self._number))
            yield

    def tile(self, done: int, total: int) -> None:
        """Show how many tiles the network has done.

        Raises:
            KeyboardInterrupt: the work is to end.
        """
        if self._pipeline.stopped:
            raise KeyboardInterrupt
        self._on_tile(done, total)

    def last_tile(self, done: int, total: int) -> None:
        """Do what `tile` does, for all that is computed of a picture: the turn ends before its last pixels are made."""
        self.tile(done, total)
        if done == total:
            self._network.close()

    def __enter__(self) -> Turn:
        if self._pipeline.stopped:
            raise KeyboardInterrupt
        return self

    def __exit__(self, *_: object) -> None:
        self._pipeline.reading.end(self._number)
        self._pipeline.network.end(self._number)
