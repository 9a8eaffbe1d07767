"""Files made of boxes (ISO base media): what AVIF and HEIC say besides pixels, and the container of JPEG XL."""

from __future__ import annotations

import struct
from collections.abc import Iterator

_CONTAINERS = {b"meta": 4, b"iprp": 0, b"ipco": 0}
"""Boxes that hold boxes, by the number of bytes before these."""
_JXL_HEAD = b"\0\0\0\x0cJXL \r\n\x87\n\0\0\0\x14ftypjxl \0\0\0\0jxl "
_CODED = b"nclx"


def boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield kinds and contents of boxes, also of those inside others."""
    place = 0
    while place + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, place)
        head = 8
        if size == 1 and place + 16 <= len(data):
            (size,) = struct.unpack_from(">Q", data, place + 8)
            head = 16
        end = len(data) if size == 0 else place + size
        if end < place + head:
            return
        body = data[place + head : end]
        yield kind, body
        if kind in _CONTAINERS:
            yield from boxes(body[_CONTAINERS[kind] :])
        place = end


def coded_colour(data: bytes) -> tuple[int, int] | None:
    """Return the code points of primaries and transfer function that an AVIF or HEIC file tells first."""
    for kind, body in boxes(data):
        if kind == b"colr" and body[:4] == _CODED and len(body) >= 8:
            primaries, transfer = struct.unpack_from(">HH", body, 4)
            return primaries, transfer
    return None


def depth(data: bytes) -> int:
    """Return the most bits per channel that an AVIF or HEIC file tells."""
    return max([8, *(max(body[5:]) for kind, body in boxes(data) if kind == b"pixi" and len(body) > 5)])


def jxl_exif(data: bytes) -> bytes | None:
    """Return the EXIF of a JPEG XL container."""
    for kind, body in boxes(data):
        if kind == b"Exif" and len(body) > 4:
            return body[4 + int.from_bytes(body[:4], "big") :]
    return None


def jxl_with_exif(data: bytes, exif: bytes) -> bytes:
    """Add EXIF to a JPEG XL, which is a codestream or has a container already."""
    box = _box(b"Exif", bytes(4) + exif)
    if not data.startswith(_JXL_HEAD[:12]):
        return _JXL_HEAD + box + _box(b"jxlc", data)
    place = 0
    while data[place + 4 : place + 8] not in (b"jxlc", b"jxlp", b""):
        place += int.from_bytes(data[place : place + 4], "big")
    return data[:place] + box + data[place:]


def _box(kind: bytes, body: bytes) -> bytes:
    if len(body) + 8 < 1 << 32:
        return struct.pack(">I4s", len(body) + 8, kind) + body
    return struct.pack(">I4sQ", 1, kind, len(body) + 16) + body
