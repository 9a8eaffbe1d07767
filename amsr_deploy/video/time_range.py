"""Which part of a video is wanted."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
from av.container import InputContainer

from amsr_deploy.video.picture_stream import is_cover
from amsr_deploy.video.truncation import MICROSECONDS


@dataclass(frozen=True)
class TimeRange:
    """The wanted part of a video, in seconds.

    Attributes:
        origin: the time at which the file begins.
        skipped: how much is left out at the beginning.
        length: how much is wanted; None is all.
    """

    origin: Fraction
    skipped: Fraction
    length: Fraction | None

    @classmethod
    def of(cls, container: InputContainer, start: float, duration: float | None) -> TimeRange:
        """Make the range that begins so many seconds after a file, and is so long, to the millisecond."""
        origin = Fraction(container.start_time or 0) * MICROSECONDS
        length = None if duration is None else Fraction(duration).limit_denominator(1000)
        return cls(origin, Fraction(start).limit_denominator(1000), length)

    @property
    def is_whole(self) -> bool:
        """Whether it is the whole video."""
        return not self.skipped and self.length is None

    @property
    def begin(self) -> Fraction:
        """The time of the file at which it begins."""
        return self.origin + self.skipped

    @property
    def shift(self) -> Fraction:
        """How much earlier its frames are in the output."""
        return Fraction(0) if self.is_whole else self.begin

    def is_over(self, time: Fraction) -> bool:
        """Tell whether a time of the output is after its end."""
        return self.length is not None and time >= self.length

    def holds(self, packet: av.Packet[Any]) -> bool:
        """Tell whether a packet is of it, as are covers, and subtitles that are still shown in it."""
        if is_cover(packet.stream):
            return True
        begin = packet.dts if packet.pts is None else packet.pts
        if begin is None:
            return False
        shown = packet.duration or 0 if packet.stream.type == "subtitle" else 0
        first, last = begin * packet.time_base, (begin + max(shown - 1, 0)) * packet.time_base
        return self.is_whole or (last >= self.begin and not self.is_over(first - self.begin))
