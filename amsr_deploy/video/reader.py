"""Video files in: frames with their times, packets of other streams as they are."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import av.error
import av.filter
import av.logging
from av.container import InputContainer
from numpy.typing import NDArray

from amsr_deploy.errors import VideoError
from amsr_deploy.files import STANDARD
from amsr_deploy.system.threads import NO_THREADS, lacks_threads
from amsr_deploy.video.continuous_times import ContinuousTimes
from amsr_deploy.video.display_matrix import orientation_of
from amsr_deploy.video.picture_stream import is_cover, picture_stream
from amsr_deploy.video.rgb import to_rgb
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


class Pipe:
    """What comes from standard input.

    Attributes:
        count: bytes that were read, so far.
    """

    def __init__(self) -> None:
        self.count = 0

    def read(self, size: int) -> bytes:
        """Read as many bytes, or fewer at the end."""
        content = sys.stdin.buffer.read(size)
        self.count += len(content)
        return content


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
        self._pipe = Pipe() if path == STANDARD else None
        try:
            self.container = cast(InputContainer, self._open(path))
        except FileNotFoundError as error:
            raise VideoError(f"{self.name} does not exist; check the name") from error
        except (av.error.FFmpegError, ValueError) as error:
            hint = f"; a pipe must hold y4m: {TO_PIPE}" if path == STANDARD else ""
            raise VideoError(f"{self.name} cannot be read as a video ({reason(error)}){hint}") from error
        with ExitStack() as unless_ready:
            unless_ready.callback(self.container.close)
            self.stream = picture_stream(self.container, self.name)
            self._deinterlace = deinterlace
            self.time_base = self.stream.time_base or 1 / FALLBACK_RATE
            self.rate = self.stream.average_rate or self.stream.guessed_rate or FALLBACK_RATE
            self.broken = 0
            self.cut_off: str | None = None
            self._truncation = TruncationCheck(self.container, self.stream)
            self._times = ContinuousTimes(self.container, self.rate)
            self._last: int | None = None
            self._pending: list[int] = []
            self._unplaced = 0
            self._origin = Fraction(self.container.start_time or 0) * MICROSECONDS
            self._from = self._origin + Fraction(start).limit_denominator(1000)
            self._until = None if duration is None else self._from + Fraction(duration).limit_denominator(1000)
            self._trims = bool(start) or duration is not None
            if start and path != STANDARD:
                self._seek()
            self._start_decoder()
            self._items = self._read()
            self.before: list[av.Packet[Any]] = []
            self.first = self._first_frame()
            self.size = (self.first.height, self.first.width)
            self.orientation = orientation_of(self.first)
            unless_ready.pop_all()

    def _open(self, path: Path) -> Any:
        if self._pipe is not None:
            return av.open(self._pipe, format=Y4M_FORMAT)
        return av.open(f"file:{path}", metadata_errors="replace")  # else what is before a colon were a protocol

    def _start_decoder(self) -> None:
        self.stream.thread_type = "AUTO"
        try:
            self.stream.codec_context.open()
        except av.error.FFmpegError as error:  # which each packet would repeat
            raise VideoError(f"{self.name} cannot be decoded: {reason(error)}") from error

    def _seek(self) -> None:
        """Go to a key frame at the start of the wanted part or before it.

        FFmpeg's seek looks for none in MPEG-TS, and may fail near the end: there go further and further back.
        """
        place, step = self._from, 1
        try:
            while not self._leads_to_key(place) and place > 0:
                place, step = max(place - step, Fraction(0)), 2 * step
            self._go_to(place)  # again: sound was read on the way to the key frame
        except av.error.FFmpegError as error:
            raise VideoError(f"{self.name} can only be read from its beginning ({reason(error)})") from error

    def _leads_to_key(self, place: Fraction) -> bool:
        """Tell whether the next key frame from a place on is not later than the start of the wanted part."""
        try:
            self._go_to(place)
            keys = (packet.pts for packet in self.container.demux(self.stream) if packet.is_keyframe)
            time = next(keys, None)
        except av.error.FFmpegError:
            return False
        return time is not None and time <= self._shift_ticks

    def _go_to(self, time: Fraction) -> None:
        self.container.seek(int(time / MICROSECONDS))

    def _first_frame(self) -> av.VideoFrame:
        for item in self._items:
            if not isinstance(item, Decoded):
                self.before.append(item)
            elif item.frame is not None:
                self._first_item = item
                return item.frame
        wanted = " in that part of it" if self._trims else ""
        raise VideoError(f"{self.name} has no frame that can be decoded{wanted}")

    @property
    def frames(self) -> int | None:
        """About how many frames there are in the wanted part; None: not known."""
        count = self.stream.frames or (self.container.duration or 0) * MICROSECONDS * self.rate
        left = count - (self._from - self._origin) * self.rate if count else math.inf
        wanted = math.inf if self._until is None else (self._until - self._from) * self.rate
        least = min(left, wanted)
        return None if least == math.inf else max(int(least), 1)

    @property
    def shift(self) -> Fraction:
        """Seconds by which times are brought forward."""
        return self._from if self._trims else Fraction(0)

    @property
    def _shift_ticks(self) -> int:
        return int(self.shift / self.time_base)

    def items(self) -> Iterator[Decoded | av.Packet[Any]]:
        """Frames and the packets of all other streams, in the order of the file.

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
        try:
            for packet in self.container.demux():
                self._truncation.see(packet)
                self._times.correct(packet)
                if packet.stream.index != self.stream.index:
                    if packet.size and self._is_wanted(packet):
                        yield packet
                    continue
                if packet.pts is not None:
                    self._pending.append(packet.pts - self._shift_ticks)
                try:
                    frames = cast(list[av.VideoFrame], packet.decode())
                except av.error.FFmpegError:
                    self.broken += 1
                    self._unplaced += 1
                    continue
                for frame in frames:
                    decoded = self._place(frame)
                    if self._until is not None and decoded.time * self.time_base >= self._until - self.shift:
                        return
                    if self._trims and decoded.time < 0:
                        continue
                    yield from self._repeats(decoded.time)
                    self._last = decoded.time
                    yield decoded
            self.cut_off = self._truncation.problem(self.container.size if self._pipe is None else self._pipe.count)
        except av.error.FFmpegError as error:
            self.cut_off = reason(error)
        yield from self._repeats(None)

    def _repeats(self, before: int | None) -> Iterator[Decoded]:
        """Yield the places of broken frames that come before a time: of packets that gave no frame.

        The error of a packet may be raised by a later one, when decoders work ahead.
        """
        passed = sorted(time for time in self._pending if before is None or time < before)
        self._pending = [time for time in self._pending if before is not None and time > before]
        for time in passed:
            if self._unplaced and self._last is not None and time > self._last:
                self._last, self._unplaced = time, self._unplaced - 1
                yield Decoded(time, None)

    def _is_wanted(self, packet: av.Packet[Any]) -> bool:
        """Tell whether a packet is of the wanted part, as are covers, and subtitles that are still shown in it."""
        if is_cover(packet.stream):
            return True
        begin = packet.dts if packet.pts is None else packet.pts
        if begin is None:
            return False
        shown = packet.duration or 0 if packet.stream.type == "subtitle" else 0
        first, last = begin * packet.time_base, (begin + max(shown - 1, 0)) * packet.time_base
        return not self._trims or (last >= self._from and (self._until is None or first < self._until))

    def _place(self, frame: av.VideoFrame) -> Decoded:
        """Give a frame its time; where it has none, or one that passed, a frame's length after the last one."""
        if frame.interlaced_frame:
            if not self._deinterlace:
                raise VideoError(f"{self.name} is interlaced; make whole frames of it with `deinterlace`")
            frame = self._deinterlaced(frame)
        time = None if frame.pts is None else frame.pts - self._shift_ticks
        if time is None or (self._last is not None and time <= self._last):
            step = max(int(1 / (self.rate * self.time_base)), 1)
            time = 0 if self._last is None else self._last + step
        if frame.is_corrupt:
            self.broken += 1
            return Decoded(time, None if self._last is not None else frame)
        return Decoded(time, frame)

    def _deinterlaced(self, frame: av.VideoFrame) -> av.VideoFrame:
        """Through a filter of its own, which sees no other frame: times stay, and nothing waits."""
        graph = av.filter.Graph()
        source = graph.add_buffer(template=self.stream, time_base=self.time_base)
        filtered, sink = graph.add("yadif", "mode=send_frame:deint=all"), graph.add("buffersink")
        source.link_to(filtered)
        filtered.link_to(sink)
        graph.configure()
        source.push(frame)
        source.push(None)
        whole = cast(av.VideoFrame, sink.pull())
        whole.pts = frame.pts
        return whole

    def close(self) -> None:
        """Close the file."""
        self.container.close()


def reason(error: Exception) -> str:
    """Return what FFmpeg says of an error, or what that means."""
    if lacks_threads(error):
        return NO_THREADS
    return getattr(error, "strerror", None) or str(error)
