"""Video files out: upscaled frames at their times, and the packets of other streams beside them."""

from __future__ import annotations

import errno
import logging
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import av
import av.error
from av.container import OutputContainer
from numpy.typing import NDArray

from amsr_deploy.errors import UserError, VideoError
from amsr_deploy.files import STANDARD
from amsr_deploy.video.constant_rate import ConstantRate
from amsr_deploy.video.copies import ALL, Copies
from amsr_deploy.video.encoding import Encoding
from amsr_deploy.video.left_out import left_out
from amsr_deploy.video.picture_format import PictureFormat
from amsr_deploy.video.pipes import StandardOutput
from amsr_deploy.video.reader import Decoded, Reader, reason
from amsr_deploy.video.truncation import Y4M_FORMAT

DAMAGED = (av.error.InvalidDataError, av.error.PatchWelcomeError)
"""Errors of a packet that FFmpeg has to read to write it, such as AAC of MPEG-TS."""
NO_PLACE = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS)
"""Errors of the folder, not of what is written to it."""
SUFFIXES = (".mkv", ".mp4", ".mov", ".webm", ".m4v")
"""Of the containers that keep the times of frames."""

_log = logging.getLogger(__name__)


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
        self._name = name
        self._damaged: set[int] = set()
        is_y4m = path == STANDARD
        if not is_y4m and path.suffix.lower() not in SUFFIXES:
            raise UserError(f"{name} has no suffix that can be written; use {', '.join(SUFFIXES)}")
        choose = PictureFormat.of_y4m if is_y4m else partial(PictureFormat.of_file, path.suffix)
        self._format = choose(reader, size, encoding)
        self._rate = ConstantRate(reader.rate) if is_y4m else None
        self._container = _opened(path, reader.time_base)
        try:
            self._stream = self._format.add_stream(self._container, reader)
        except (av.error.FFmpegError, ValueError) as error:
            self._container.close()
            encoder = self._format.encoder
            raise VideoError(f"{name}: {encoder} does not start with these settings ({reason(error)})") from error
        try:
            self._copies = None if is_y4m else Copies(reader, self._container, name)
            self._container.start_encoding()
        except (av.error.FFmpegError, ValueError) as error:
            self._container.close()
            raise self._failure(error) from error
        self._source_time_base = reader.time_base
        for message in left_out(reader, self._container.format.name):
            _log.warning("%s: %s", name, message)

    def write(self, image: NDArray[Any], decoded: Decoded) -> None:
        """Encode an upscaled frame [H, W, 3] at the time of the decoded one.

        Raises:
            VideoError: it cannot be written; a full disk.
        """
        time = decoded.time if self._rate is None else self._rate.number(decoded.time * self._source_time_base)
        self._mux(self._format.frame(image, time))

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


def _opened(path: Path, time_base: Fraction) -> OutputContainer:
    """Open an output, for frames whose times are in this unit of seconds."""
    if path == STANDARD:
        return av.open(StandardOutput(), "w", format=Y4M_FORMAT, container_options=ALL)
    return av.open(str(path), "w", container_options=_container_options(path.suffix, time_base))


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
