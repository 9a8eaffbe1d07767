"""What a video file has beside its pictures: sound, subtitles, covers, attachments and chapters, copied as they are."""

from __future__ import annotations

import io
import logging
import math
from typing import Any

import av
import av.error
from av.container import OutputContainer
from av.format import Flags

from amsr_deploy.video.picture_stream import is_cover
from amsr_deploy.video.reader import Reader

ALL = {"strict": "experimental"}
"""Lets FFmpeg write what old tools do not read: TrueHD and MP3 of 8 kHz in MP4, y4m of more than 8 bits."""
MATROSKA, MP4 = "matroska", "mp4"
"""Containers that take a cover: the one as an attachment, the other as a stream."""

_log = logging.getLogger(__name__)


class Copies:
    """The streams of an output that are copied, and the times of their packets."""

    def __init__(self, reader: Reader, container: OutputContainer, name: str) -> None:
        """Give an output the tags, the chapters and the other streams of an input; name those that do not fit.

        Args:
            reader: the input.
            container: the output, before its header is written.
            name: of the output, for users.
        """
        source = reader.container
        self._container, self._before, self._shift = container, reader.before, reader.shift
        self._streams: dict[int, av.stream.Stream] = {}
        self._last: dict[int, int] = {}
        container.metadata.update(source.metadata)
        container.set_chapters([moved for chapter in source.chapters() if (moved := self._chapter(chapter))])
        for stream in source.streams:
            if stream.index == reader.stream.index or _is_written_anew(stream, reader.stream):
                continue
            copy = self._add(stream)
            if copy is not None:
                self._streams[stream.index] = copy
                continue
            kind = getattr(stream.codec_context, "name", "") or stream.type
            hint = "; use .mkv" if container.format.name != MATROSKA and _takes(MATROSKA, stream) else ""
            _log.warning("%s: %s %d (%s) does not fit and is left out%s", name, stream.type, stream.index, kind, hint)

    def _chapter(self, chapter: Any) -> Any:
        """Move a chapter to the times of the output; None where it ended before."""
        ticks = int(self._shift / chapter["time_base"])
        start, end = max(chapter["start"] - ticks, 0), chapter["end"] - ticks
        return {**chapter, "start": start, "end": end} if end > 0 else None

    def _add(self, stream: Any) -> av.stream.Stream | None:
        """Add a stream like one of the input, where the output takes it."""
        kind = self._container.format.name
        if not _takes(kind, stream):
            return None
        if stream.type == "attachment":
            return self._attach(stream, stream.data)
        if is_cover(stream) and kind == MATROSKA:
            data = next((bytes(packet) for packet in self._before if packet.stream.index == stream.index), b"")
            picture = stream.codec_context.name.replace("mjpeg", "jpeg")
            return self._attach(stream, data, f"cover.{picture}", f"image/{picture}")
        copy = self._container.add_stream_from_template(stream)
        copy.metadata.update(stream.metadata)
        copy.disposition = stream.disposition
        return copy

    def _attach(
        self, stream: Any, data: bytes, name: str = "attachment", mimetype: str = "application/octet-stream"
    ) -> av.stream.Stream:
        tags = stream.metadata
        return self._container.add_attachment(tags.get("filename", name), tags.get("mimetype", mimetype), data)

    def remapped(self, packet: av.Packet[Any]) -> av.Packet[Any] | None:
        """Bring a packet to its stream and its time in the output; None where there is no such stream."""
        stream = self._streams.get(packet.stream.index)
        if stream is None or stream.type == "attachment":
            return None
        ticks = int(self._shift / packet.time_base)
        if is_cover(stream):
            packet.pts = packet.dts = 0
        elif ticks:
            packet.pts = None if packet.pts is None else packet.pts - ticks
            packet.dts = None if packet.dts is None else packet.dts - ticks
            if stream.type == "subtitle" and packet.pts is not None and packet.pts < 0:  # shown since before the start
                packet.duration, packet.pts, packet.dts = (packet.duration or 0) + packet.pts, 0, 0
        packet.stream = stream
        self._put_in_order(packet)
        return packet

    def _put_in_order(self, packet: av.Packet[Any]) -> None:
        """Let no packet be decoded before the last one of its stream, as in flawed files: FFmpeg would refuse it."""
        if packet.dts is None:
            return
        may_equal = Flags.ts_nonstrict in Flags(self._container.format.flags)
        step = 0 if may_equal else math.ceil(packet.stream.time_base / packet.time_base)
        least = self._last.get(packet.stream.index, packet.dts - step) + step
        if packet.dts < least:
            packet.dts, packet.pts = least, None if packet.pts is None else max(packet.pts, least)
        self._last[packet.stream.index] = packet.dts


def _takes(kind: str, stream: Any) -> bool:
    """Tell whether a kind of container takes a stream: FFmpeg writes a header with it alone."""
    if stream.type == "attachment" or is_cover(stream):
        return kind == MATROSKA or (kind == MP4 and is_cover(stream))
    if stream.codec_context is None:
        return False
    try:
        with av.open(io.BytesIO(), "w", format=kind, container_options=ALL) as trial:
            trial.add_stream_from_template(stream)
            trial.start_encoding()
    except (av.error.FFmpegError, ValueError):
        return False
    return True


def _is_written_anew(stream: Any, pictures: av.VideoStream) -> bool:
    """Tell whether a stream is how MP4 keeps chapters or the time code, which the output gets from tags."""
    if stream.type != "data":
        return False
    chapters = stream.container.chapters()
    is_timecode = "timecode" in stream.metadata and "timecode" in pictures.metadata
    return is_timecode or (bool(chapters) and stream.frames == len(chapters))
