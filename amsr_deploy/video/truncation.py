"""Whether a video breaks off: FFmpeg reads one that does as far as it goes, without an error."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av
from av.container import InputContainer

Y4M_FORMAT = "yuv4mpegpipe"
MATROSKA = "matroska,webm"
MICROSECONDS = Fraction(1, 1_000_000)
SLACK = Fraction(1, 2)
"""Seconds by which a whole Matroska file may end before the time that its header says."""


class TruncationCheck:
    """Compares what was read of a file with what its header and its index promise."""

    def __init__(self, container: InputContainer, stream: av.VideoStream) -> None:
        """Take a container of which nothing was read, and the stream of its pictures."""
        self._container, self._stream = container, stream
        self._is_whole = True
        self._end = 0
        self._reached = Fraction(0)

    def see(self, packet: av.Packet[Any]) -> None:
        """Note a packet, of any stream."""
        if packet.pts is not None:
            self._reached = max(self._reached, (packet.pts + (packet.duration or 0)) * packet.time_base)
        if packet.stream.index == self._stream.index and packet.size:
            self._is_whole = not packet.is_corrupt
            self._end = self._end if packet.pos is None else packet.pos + packet.size

    def problem(self, size: int) -> str | None:
        """Say what is missing after the last packet; None where nothing tells.

        Args:
            size: bytes of the file; 0 of a pipe with a name, which has no size.
        """
        entries = (entry for stream in self._container.streams for entry in stream.index_entries)
        if size and any(entry.pos + entry.size > size for entry in entries):
            return "its index names frames that it does not hold"
        if not self._is_whole or (self._container.format.name == Y4M_FORMAT and self._end < size):
            return "its last frame is not whole"
        promised = self._promised()
        if self._reached + SLACK < promised:
            return f"it ends at {float(self._reached):.2f} of {float(promised):.2f} s"
        return None

    def _promised(self) -> Fraction:
        """Return the seconds that the header of a Matroska file says; 0 where none does.

        FFmpeg has them for the file only: where the stream has a duration, too, both are estimates.
        """
        is_said = self._container.format.name == MATROSKA and self._stream.duration is None
        return (self._container.duration or 0) * MICROSECONDS if is_said else Fraction(0)
