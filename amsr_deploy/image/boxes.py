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


def code_points(data: bytes) -> tuple[int, int] | None:
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
    body = first(data, b"Exif")
    return body[4 + int.from_bytes(body[:4], "big") :] if body and len(body) > 4 else None


def jxl_codestream(data: bytes) -> bytes:
    """Return the codestream of a JPEG XL, or its first part."""
    if not data.startswith(_JXL_HEAD[:12]):
        return data
    return first(data, b"jxlc") or (first(data, b"jxlp") or b"")[4:]


def packed_only(data: bytes) -> set[bytes]:
    """Return the kinds of boxes that a JPEG XL container holds compressed by Brotli, and not as they are."""
    found = list(boxes(data)) if data.startswith(_JXL_HEAD[:12]) else []
    return {body[:4] for kind, body in found if kind == b"brob"} - {kind for kind, _ in found}


def first(data: bytes, kind: bytes) -> bytes | None:
    """Return the content of the first box of a kind."""
    return next((body for found, body in boxes(data) if found == kind), None)


def jxl_with(data: bytes, exif: bytes | None, xmp: bytes | None) -> bytes:
    """Give EXIF and XMP to a JPEG XL, which is a codestream or has a container, in place of compressed ones."""
    added = [*([(b"Exif", bytes(4) + exif)] if exif else []), *([(b"xml ", xmp)] if xmp else [])]
    if not data.startswith(_JXL_HEAD[:12]):
        return _JXL_HEAD + _joined([*added, (b"jxlc", data)]) if added else data
    kept = [(kind, body) for kind, body in boxes(data) if kind != b"brob"]
    place = next(number for number, (kind, _) in enumerate(kept) if kind in (b"jxlc", b"jxlp"))
    return _joined([*kept[:place], *added, *kept[place:]])


def _joined(contents: list[tuple[bytes, bytes]]) -> bytes:
    return b"".join(_box(kind, body) for kind, body in contents)


def _box(kind: bytes, body: bytes) -> bytes:
    if len(body) + 8 < 1 << 32:
        return struct.pack(">I4s", len(body) + 8, kind) + body
    return struct.pack(">I4sQ", 1, kind, len(body) + 16) + body
