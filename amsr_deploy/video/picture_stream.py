"""Which stream of a file holds the pictures that are upscaled."""

from __future__ import annotations

import logging

import av
from av.container import InputContainer
from av.stream import Disposition

from amsr_deploy.errors import VideoError

PICTURES = "_pipe"
"""What FFmpeg's names of picture formats end in, such as `jpeg_pipe`."""
WEBP = "webp_pipe"
NUMBERED = "image2"
"""FFmpeg's name of numbered pictures, and of one that it knows by its suffix only."""

_log = logging.getLogger(__name__)


def picture_stream(container: InputContainer, name: str) -> av.VideoStream:
    """Choose the video of a file: the one that players show, where there are several; others are named.

    Raises:
        VideoError: no video, a still picture, or a codec that FFmpeg cannot decode.
    """
    streams = [stream for stream in container.streams.video if not is_cover(stream)]
    if not streams:
        raise VideoError(f"{name} has no video in it; give a file that has")
    moving = [stream for stream in streams if not _is_still(container, stream)]
    if not moving and container.format.name == WEBP and not streams[0].width:
        raise VideoError(f"{name} is a WebP that this FFmpeg cannot decode, as are animated ones; convert it to APNG")
    if not moving:
        raise VideoError(f"{name} is a still picture; upscale it with `amsr infer`")
    chosen = next((stream for stream in moving if stream.disposition & Disposition.default), moving[0])
    if chosen.codec_context is None:
        raise VideoError(f"{name} is of a codec that this FFmpeg cannot decode")
    for stream in moving:
        if stream is not chosen:
            _log.warning("%s: video %d is not upscaled; video %d is", name, stream.index, chosen.index)
    return chosen


def is_cover(stream: av.stream.Stream) -> bool:
    """Tell whether a stream is a picture of the whole file, as on a disc's box."""
    return bool(stream.disposition & Disposition.attached_pic)


def _is_still(container: InputContainer, stream: av.VideoStream) -> bool:
    """Tell whether a stream is one picture: in a file of a picture's format, or without a time as in AVIF."""
    name = container.format.name
    if name == NUMBERED:
        return stream.duration == 1
    return name.endswith(PICTURES) or (stream.frames == 1 and (name == "gif" or not stream.duration))
