"""Finding the key frame from which a part of a video can be decoded."""

from __future__ import annotations

from fractions import Fraction

import av
import av.error
from av.container import InputContainer

from amsr_deploy.video.truncation import MICROSECONDS


def seek(container: InputContainer, stream: av.VideoStream, begin: Fraction, latest: int) -> None:
    """Go to a key frame at a time or before it.

    FFmpeg's seek looks for none in MPEG-TS, and may fail near the end: there go further and further back.

    Args:
        container: of which packets are read next.
        stream: its pictures.
        begin: the time, in seconds.
        latest: the same in units of the stream.

    Raises:
        FFmpegError: the file can only be read from its beginning.
    """
    place, step = begin, 1
    while not _leads_to_key(container, stream, place, latest) and place > 0:
        place, step = max(place - step, Fraction(0)), 2 * step
    _go_to(container, place)  # again: sound was read on the way to the key frame


def _leads_to_key(container: InputContainer, stream: av.VideoStream, place: Fraction, latest: int) -> bool:
    """Tell whether the next key frame from a place on is early enough."""
    try:
        _go_to(container, place)
        keys = (packet.pts for packet in container.demux(stream) if packet.is_keyframe)
        time = next(keys, None)
    except av.error.FFmpegError:
        return False
    return time is not None and time <= latest


def _go_to(container: InputContainer, time: Fraction) -> None:
    container.seek(int(time / MICROSECONDS))
