"""Video files out: upscaled frames at their times, and the packets of other streams beside them."""

from __future__ import annotations

import errno
import logging
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import av.error
import numpy as np
from numpy.typing import NDArray

from amsr_deploy.errors import UserError, VideoError
from amsr_deploy.files import STANDARD, write_standard
from amsr_deploy.video.copies import ALL, Copies
from amsr_deploy.video.encoding import Y4M, Encoding
from amsr_deploy.video.hdr import side_data, with_hdr
from amsr_deploy.video.left_out import left_out, still_true
from amsr_deploy.video.reader import Decoded, Reader, reason
from amsr_deploy.video.rgb import from_rgb, tags_for
from amsr_deploy.video.truncation import Y4M_FORMAT

DAMAGED = (av.error.InvalidDataError, av.error.PatchWelcomeError)
"""Errors of a packet that FFmpeg has to read to write it, such as AAC of MPEG-TS."""
NO_PLACE = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS)
"""Errors of the folder, not of what is written to it."""
SUFFIXES = (".mkv", ".mp4", ".mov", ".webm", ".m4v")
"""Of the containers that keep the times of frames."""

_log = logging.getLogger(__name__)


class Pipe:
    """Standard output as FFmpeg writes to it, which does not look whether all is taken."""

    def write(self, content: bytes) -> None:
        """Write all of it."""
        write_standard(content)


class Writer:
    """A video file that is written, or y4m to standard output."""

    def __init__(self, path: Path, name: str, reader: Reader, size: tuple[int, int], encoding: Encoding) -> None:
        """Open a file and set up its streams.

        Args:
            path: where to write, or `-`.
            name: of the file, for users.
            reader: where times, tags and the other streams come from.
            size: height and width.
            encoding: how to encode.

        Raises:
            UserError: an encoder that cannot be had; a suffix that is none of `SUFFIXES`.
            VideoError: the encoder does not start.
        """
        self._name, self._reader, self._size = name, reader, size
        self._damaged: set[int] = set()
        self._count, self._start, self._is_uneven = 0, Fraction(0), False
        self._is_pipe = path == STANDARD
        if not self._is_pipe and path.suffix.lower() not in SUFFIXES:
            raise UserError(f"{name} has no suffix that can be written; use {', '.join(SUFFIXES)}")
        source = reader.first.format
        encoder = Y4M if self._is_pipe else encoding.encoder_for(path.suffix, source, size)
        options = {} if self._is_pipe else with_hdr(encoder, encoding.options_of(encoder), reader.first)
        self._pixel_format = encoding.pixel_format_of(encoder, source, size)
        self._tags = tags_for(reader.first, self._pixel_format, size)
        self._container = (
            av.open(Pipe(), "w", format=Y4M_FORMAT, container_options=ALL)
            if self._is_pipe
            else av.open(str(path), "w", container_options=_container_options(path.suffix, reader.time_base))
        )
        try:
            self._stream = cast(av.VideoStream, self._container.add_stream(encoder, rate=reader.rate, options=options))
            self._set_up_video(encoder)
            self._stream.codec_context.open()
        except (av.error.FFmpegError, ValueError) as error:
            self._container.close()
            raise VideoError(f"{name}: {encoder} does not start with these settings ({reason(error)})") from error
        try:
            self._copies = None if self._is_pipe else Copies(reader, self._container, name)
            self._container.start_encoding()
        except (av.error.FFmpegError, ValueError) as error:
            self._container.close()
            raise self._failure(error) from error
        for message in left_out(reader, self._container.format.name):
            _log.warning("%s: %s", name, message)

    def _set_up_video(self, encoder: str) -> None:
        context, first = self._stream.codec_context, self._reader.first
        context.height, context.width = self._size
        context.pix_fmt = self._pixel_format
        context.sample_aspect_ratio = self._reader.stream.sample_aspect_ratio or Fraction(0, 1)
        for name, tag in self._tags.items():
            setattr(context, name, tag)
        self._time_base = 1 / self._reader.rate if self._is_pipe else self._reader.time_base
        context.time_base = self._stream.time_base = self._time_base
        if encoder == "libx265" and self._container.format.name in ("mp4", "mov"):
            context.codec_tag = "hvc1"
        matrix = side_data(first, "DISPLAYMATRIX")
        if matrix is not None:
            self._stream.set_display_matrix(np.frombuffer(matrix, np.int32).tolist())
        self._stream.metadata.update(still_true(self._reader.stream.metadata))
        self._stream.disposition = self._reader.stream.disposition

    def write(self, image: NDArray[Any], decoded: Decoded) -> None:
        """Encode an upscaled frame [H, W, 3] at the time of the decoded one.

        Raises:
            VideoError: it cannot be written; a full disk.
        """
        frame = from_rgb(image, self._tags, self._pixel_format, self._size)
        frame.time_base = self._time_base
        frame.pts = self._constant_time(decoded) if self._is_pipe else decoded.time
        self._mux(frame)

    def _constant_time(self, decoded: Decoded) -> int:
        """Return the number of the frame, its time where the rate is constant; say once where it is not."""
        late = decoded.time * self._reader.time_base * self._reader.rate - self._count
        self._start = late if self._count == 0 else self._start
        if abs(late - self._start) > 1 and not self._is_uneven:
            self._is_uneven = True
            _log.warning("y4m holds one rate only: the times of this video are not kept")
        self._count += 1
        return self._count - 1

    def copy(self, packet: av.Packet[Any]) -> None:
        """Write a packet of another stream as it is, if its stream fits, and it is not damaged.

        Raises:
            VideoError: it cannot be written; a full disk.
        """
        remapped = self._copies.remapped(packet) if self._copies else None
        if remapped is None:
            return
        try:
            self._container.mux(remapped)
        except DAMAGED as error:
            if remapped.stream.index not in self._damaged:
                self._damaged.add(remapped.stream.index)
                kept = (self._name, remapped.stream.type, remapped.stream.index, reason(error))
                _log.warning("%s: %s %d has damaged packets, which are left out (%s)", *kept)
        except av.error.FFmpegError as error:
            raise self._failure(error) from error

    def _mux(self, frame: av.VideoFrame | None) -> None:
        try:
            for packet in self._stream.encode(frame):
                self._container.mux(decodable_in_time(packet))
        except av.error.FFmpegError as error:
            raise self._failure(error) from error

    def finish(self) -> None:
        """Write what the encoder still holds, and close the file.

        Raises:
            VideoError: it cannot be written; a full disk.
        """
        self._mux(None)
        try:
            self._container.close()
        except av.error.FFmpegError as error:
            raise self._failure(error) from error

    def abandon(self) -> None:
        """Close the file as it is."""
        try:
            self._container.close()
        except av.error.FFmpegError:
            return

    def _failure(self, error: Exception) -> Exception:
        if isinstance(error, BrokenPipeError):
            return BrokenPipeError()
        hint = "; free space or choose another folder" if isinstance(error, OSError) and error.errno in NO_PLACE else ""
        return VideoError(f"{self._name} cannot be written ({reason(error)}){hint}")


def _container_options(suffix: str, time_base: Fraction) -> dict[str, str]:
    """Ask for an index at the front, where players want it, and for a start that is as exact as the frames' times."""
    if suffix.lower() not in (".mp4", ".mov", ".m4v"):
        return {}
    return {**ALL, "movflags": "faststart", "movie_timescale": str(max(time_base.denominator, 1000))}


def decodable_in_time(packet: av.Packet[Any]) -> av.Packet[Any]:
    """Correct a packet that would be decoded after it is shown: libx265 leaves that time unset in very short clips."""
    if packet.pts is not None and packet.dts is not None and packet.dts > packet.pts:
        packet.dts = packet.pts
    return packet
