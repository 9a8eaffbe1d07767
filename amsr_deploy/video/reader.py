"""Video files in: frames with their times, packets of other streams as they are."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import av.error
import av.logging
from av.container import InputContainer
from numpy.typing import NDArray

from amsr_deploy.errors import VideoError
from amsr_deploy.files import STANDARD
from amsr_deploy.system.threads import NO_THREADS, lacks_threads
from amsr_deploy.video.continuous_times import ContinuousTimes
from amsr_deploy.video.deinterlacing import deinterlaced
from amsr_deploy.video.display_matrix import orientation_of
from amsr_deploy.video.frame_times import FrameTimes
from amsr_deploy.video.picture_stream import picture_stream
from amsr_deploy.video.pipes import StandardInput
from amsr_deploy.video.rgb import to_rgb
from amsr_deploy.video.seeking import seek
from amsr_deploy.video.time_range import TimeRange
from amsr_deploy.video.truncation import MICROSECONDS, Y4M_FORMAT, TruncationCheck

TO_PIPE = "ffmpeg -i CLIP -f yuv4mpegpipe - | amsr video -"
FALLBACK_RATE = Fraction(25)

av.logging.set_level(None)


@dataclass(frozen=True)
class Decoded:
    """A frame, or the place of one that is broken.

    Attributes:
        time: in units of the video's time base.
        frame: the frame; None where it is broken.
    """

    time: int
    frame: av.VideoFrame | None

    def rgb(self) -> NDArray[Any]:
        """See `rgb.to_rgb`."""
        assert self.frame is not None
        return to_rgb(self.frame)


class Reader:
    """A video file that is read, or y4m from standard input.

    Attributes:
        name: of the file, for users.
        first: the first frame.
        before: packets of other streams that come before it.
        size: height and width of the frames.
        orientation: how the frames are shown, as EXIF counts it.
        time_base: seconds of a unit of time.
        rate: frames a second, on average.
        broken: frames that could not be decoded, so far.
        cut_off: why the file ended early, once it did.
    """

    def __init__(self, path: Path, start: float = 0, duration: float | None = None, deinterlace: bool = False) -> None:
        """Open a file and decode its first frame.

        Args:
            path: the file, or `-`.
            start: seconds to leave out.
            duration: seconds to read; None is all.
            deinterlace: make whole frames of interlaced ones.

        Raises:
            VideoError: no video, a still picture, or none that can be decoded; an interlaced one that shall stay so.
        """
        self.name = "standard input" if path == STANDARD else str(path)
        self._pipe = StandardInput() if path == STANDARD else None
        self._deinterlace = deinterlace
        self.container = self._open(path)
        with ExitStack() as unless_ready:
            unless_ready.callback(self.container.close)
            self.stream = picture_stream(self.container, self.name)
            self.time_base = self.stream.time_base or 1 / FALLBACK_RATE
            self.rate = self.stream.average_rate or self.stream.guessed_rate or FALLBACK_RATE
            self.broken = 0
            self.cut_off: str | None = None
            self._truncation = TruncationCheck(self.container, self.stream)
            self._joints = ContinuousTimes(self.container, self.rate)
            self._times = FrameTimes(max(int(1 / (self.rate * self.time_base)), 1))
            self._range = TimeRange.of(self.container, start, duration)
            if self._range.skipped and self._pipe is None:
                self._seek()
            self._start_decoder()
            self._items = self._read()
            self.before: list[av.Packet[Any]] = []
            self._first_item, self.first = self._read_first_frame()
            self.size = (self.first.height, self.first.width)
            self.orientation = orientation_of(self.first)
            unless_ready.pop_all()

    def _open(self, path: Path) -> InputContainer:
        try:
            if self._pipe is not None:
                return cast(InputContainer, av.open(self._pipe, format=Y4M_FORMAT))
            return av.open(f"file:{path}", metadata_errors="replace")  # else what is before a colon were a protocol
        except FileNotFoundError as error:
            raise VideoError(f"{self.name} does not exist; check the name") from error
        except (av.error.FFmpegError, ValueError) as error:
            hint = f"; a pipe must hold y4m: {TO_PIPE}" if self._pipe is not None else ""
            raise VideoError(f"{self.name} cannot be read as a video ({reason(error)}){hint}") from error

    def _start_decoder(self) -> None:
        self.stream.thread_type = "AUTO"
        try:
            self.stream.codec_context.open()
        except av.error.FFmpegError as error:  # which each packet would repeat
            raise VideoError(f"{self.name} cannot be decoded: {reason(error)}") from error

    def _seek(self) -> None:
        try:
            seek(self.container, self.stream, self._range.begin, self._shift_ticks)
        except av.error.FFmpegError as error:
            raise VideoError(f"{self.name} can only be read from its beginning ({reason(error)})") from error

    def _read_first_frame(self) -> tuple[Decoded, av.VideoFrame]:
        """Read as far as the first frame; the packets before it are kept."""
        for item in self._items:
            if not isinstance(item, Decoded):
                self.before.append(item)
            elif item.frame is not None:
                return item, item.frame
        wanted = "" if self._range.is_whole else " in that part of it"
        raise VideoError(f"{self.name} has no frame that can be decoded{wanted}")

    @property
    def frames(self) -> int | None:
        """About how many frames there are in the wanted part; None: not known."""
        count = self.stream.frames or (self.container.duration or 0) * MICROSECONDS * self.rate
        left = count - self._range.skipped * self.rate if count else math.inf
        wanted = math.inf if self._range.length is None else self._range.length * self.rate
        least = min(left, wanted)
        return None if least == math.inf else max(int(least), 1)

    @property
    def shift(self) -> Fraction:
        """Seconds by which times are brought forward."""
        return self._range.shift

    @property
    def _shift_ticks(self) -> int:
        return int(self.shift / self.time_base)

    def items(self) -> Iterator[Decoded | av.Packet[Any]]:
        """Yield frames and the packets of all other streams, in the order of the file.

        Raises:
            VideoError: the frames change their size; interlaced ones.
        """
        yield from self.before
        yield self._first_item
        for item in self._items:
            if isinstance(item, Decoded) and item.frame is not None:
                size = (item.frame.height, item.frame.width)
                if size != self.size:
                    raise VideoError(
                        f"{self.name} changes from {self.size[1]}x{self.size[0]} to {size[1]}x{size[0]} at "
                        f"{float(item.time * self.time_base):.2f} s; cut it there and upscale the parts"
                    )
            yield item

    def _read(self) -> Iterator[Decoded | av.Packet[Any]]:
        """Read the wanted part; an error, or an end that comes early, is noted."""
        try:
            for packet in self.container.demux():
                self._truncation.see(packet)
                self._joints.correct(packet)
                if packet.stream.index != self.stream.index:
                    if packet.size and self._range.holds(packet):
                        yield packet
                    continue
                for decoded in self._decode(packet):
                    if self._range.is_over(decoded.time * self.time_base):
                        return
                    if self._range.is_whole or decoded.time >= 0:
                        yield from self._broken_frames(decoded.time)
                        self._times.show(decoded.time)
                        yield decoded
            self.cut_off = self._truncation.problem(self.container.size if self._pipe is None else self._pipe.count)
        except av.error.FFmpegError as error:
            self.cut_off = reason(error)
        yield from self._broken_frames(None)

    def _decode(self, packet: av.Packet[Any]) -> Iterator[Decoded]:
        """Yield the frames that are complete with a packet."""
        if packet.pts is not None:
            self._times.expect(packet.pts - self._shift_ticks)
        try:
            frames = packet.decode()
        except av.error.FFmpegError:
            self.broken += 1
            self._times.miss()
            return
        yield from map(self._place, frames)

    def _broken_frames(self, before: int | None) -> Iterator[Decoded]:
        return (Decoded(time, None) for time in self._times.missing(before))

    def _place(self, frame: av.VideoFrame) -> Decoded:
        """Make a frame whole, and give it its time."""
        if frame.interlaced_frame:
            if not self._deinterlace:
                raise VideoError(f"{self.name} is interlaced; make whole frames of it with `deinterlace`")
            frame = deinterlaced(frame, self.stream, self.time_base)
        time = self._times.of(None if frame.pts is None else frame.pts - self._shift_ticks)
        if frame.is_corrupt:
            self.broken += 1
            return Decoded(time, None if self._times.have_begun else frame)
        return Decoded(time, frame)

    def close(self) -> None:
        """Close the file."""
        self.container.close()


def reason(error: Exception) -> str:
    """Return what FFmpeg says of an error, or what that means."""
    if lacks_threads(error):
        return NO_THREADS
    return getattr(error, "strerror", None) or str(error)
