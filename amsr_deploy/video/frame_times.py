"""The times of frames, of broken ones too."""

from __future__ import annotations

from collections.abc import Iterator


class FrameTimes:
    """Orders the times of frames as they are decoded, in units of a stream."""

    def __init__(self, length: int) -> None:
        """Begin before the first frame.

        Args:
            length: of a frame.
        """
        self._length = length
        self._last: int | None = None
        self._pending: list[int] = []
        self._unplaced = 0

    @property
    def have_begun(self) -> bool:
        """Whether a frame was shown."""
        return self._last is not None

    def expect(self, time: int) -> None:
        """Note the time of a packet, which should give a frame."""
        self._pending.append(time)

    def miss(self) -> None:
        """Note that a packet gave no frame: this one, or one before it, when decoders work ahead."""
        self._unplaced += 1

    def of(self, time: int | None) -> int:
        """Return the time of a frame; where it has none, or one that passed, a frame's length after the last one."""
        if time is None or (self._last is not None and time <= self._last):
            return 0 if self._last is None else self._last + self._length
        return time

    def show(self, time: int) -> None:
        """Note that a frame is shown."""
        self._last = time

    def missing(self, before: int | None) -> Iterator[int]:
        """Yield the times of broken frames before a time, or all that are left: of packets that gave no frame."""
        passed = sorted(time for time in self._pending if before is None or time < before)
        self._pending = [time for time in self._pending if before is not None and time > before]
        for time in passed:
            if self._unplaced and self._last is not None and time > self._last:
                self._last, self._unplaced = time, self._unplaced - 1
                yield time
