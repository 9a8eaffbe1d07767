"""Times of recordings that were joined without being written anew: segments of a stream, the parts of a camera."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av
from av.container import InputContainer
from av.format import Flags

BACK = Fraction(1, 10)
"""Seconds by which the times of a stream go back where a part begins; FFmpeg takes as many."""


class ContinuousTimes:
    """Lets each part begin where the one before it ended, by one offset for all streams, so that sound is in time.

    Only formats of which FFmpeg says that their times may jump are changed: in others a time that goes back is a flaw.
    """

    def __init__(self, container: InputContainer, rate: Fraction) -> None:
        """Take a container of which nothing was read, and the rate of frames that do not say their length."""
        self._rate = rate
        self._may_jump = Flags.ts_discont in Flags(container.format.flags)
        self._offsets = [Fraction(0)]
        self._last: dict[int, Fraction] = {}
        self._end = Fraction(0)

    def correct(self, packet: av.Packet[Any]) -> None:
        """Change the times of a packet, the next one of the file."""
        if not self._may_jump or packet.dts is None:
            return
        offset = self._offset(packet)
        ticks = round(offset / packet.time_base)
        packet.dts += ticks
        packet.pts = None if packet.pts is None else packet.pts + ticks

    def _offset(self, packet: av.Packet[Any]) -> Fraction:
        """Choose the offset that brings a packet nearest to the end: the last ones of a part may come late."""
        decoded = Fraction(packet.dts or 0) * packet.time_base
        shown = decoded if packet.pts is None else packet.pts * packet.time_base
        offset = min(self._offsets[-2:], key=lambda offset: abs(shown + offset - self._end))
        if packet.stream.type not in ("video", "audio"):
            return offset
        if decoded + offset < self._last.get(packet.stream.index, decoded + offset) - BACK:
            offset = self._end - shown
            self._offsets.append(offset)
        self._last[packet.stream.index] = decoded + offset
        length = Fraction(packet.duration or 0) * packet.time_base
        self._end = max(self._end, shown + offset + (length or 1 / self._rate))
        return offset
