"""Tags of HDR video: what its mastering display showed, and its brightest values."""

from __future__ import annotations

import struct
from fractions import Fraction
from typing import Any, cast

import av

_PARAMETERS = {"libx265": "x265-params", "libsvtav1": "svtav1-params"}


def side_data(frame: av.VideoFrame, name: str) -> bytes | None:
    """Return what a frame carries beside its pixels, by FFmpeg's name of it."""
    container = cast(Any, frame.side_data)
    found = (container[place] for place in range(len(container)))
    return next((bytes(data) for data in found if data.type.name == name), None)


def with_hdr(encoder: str, options: dict[str, str], frame: av.VideoFrame) -> dict[str, str]:
    """Add the HDR tags of a frame to an encoder's options, where there are some and the encoder takes them."""
    tags = hdr_tags(encoder, frame)
    if not tags:
        return options
    name = _PARAMETERS[encoder]
    return {**options, name: ":".join(filter(None, [options.get(name), *tags]))}


def hdr_tags(encoder: str, frame: av.VideoFrame) -> list[str]:
    """Return the HDR tags of a frame as an encoder takes them; none where it has no way to."""
    display, light = side_data(frame, "MASTERING_DISPLAY_METADATA"), side_data(frame, "CONTENT_LIGHT_LEVEL")
    if encoder == "libx265":
        return [
            *([f"master-display={_display(display, 50_000, 10_000)}"] if display else []),
            *(["max-cll={},{}".format(*struct.unpack_from("<2I", light))] if light else []),
        ]
    if encoder == "libsvtav1":
        return [
            *([f"mastering-display={_display(display, 1, 1)}"] if display else []),
            *(["content-light={},{}".format(*struct.unpack_from("<2I", light))] if light else []),
        ]
    return []


def _display(data: bytes, chroma: int, luminance: int) -> str:
    """Write FFmpeg's AVMasteringDisplayMetadata as text, in units of 1 / chroma and 1 / luminance."""
    numbers = struct.unpack_from("<20i", data)
    values = [Fraction(numbers[i], numbers[i + 1] or 1) for i in range(0, 20, 2)]
    red, green, blue, white = (_pair(values[i : i + 2], chroma) for i in (0, 2, 4, 6))
    least, most = values[8:]
    return f"G{green}B{blue}R{red}WP{white}L{_pair([most, least], luminance)}"


def _pair(values: list[Fraction], unit: int) -> str:
    return "({},{})".format(*(round(value * unit) if unit > 1 else f"{float(value):.5g}" for value in values))
