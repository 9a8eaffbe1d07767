"""Texts of a picture: the chunks of PNG that hold them, also XMP and IPTC, and the comment of a JPEG."""

from __future__ import annotations

import struct
import zlib

Text = tuple[bytes, bytes]
"""The kind of a chunk of PNG and its content, which begins with a keyword."""
KINDS = {b"tEXt", b"zTXt", b"iTXt"}
XMP, EXIF_PROFILE, IPTC_PROFILE = b"XML:com.adobe.xmp", b"Raw profile type exif", b"Raw profile type iptc"

_BOUND_TO_FILE = (EXIF_PROFILE, b"Raw profile type APP1", b"exif:", b"png:", b"jpeg:", b"Thumb::")
"""How keywords begin under which programs keep what tells of the original's pixels or file."""
_COMMENT = b"Comment"
_MAX_BYTES = 1 << 26
_IPTC_RESOURCE = b"8BIM\x04\x04\0\0"
_DIGITS_IN_LINE = 72


def keyword(text: Text) -> bytes:
    """Return what a text is about."""
    return text[1].partition(b"\0")[0]


def content(text: Text) -> bytes:
    """Return a text without its keyword, in the encoding of the chunk; nothing where it is damaged."""
    kind, body = text
    rest = body.partition(b"\0")[2]
    packed = kind == b"zTXt"
    if kind == b"iTXt":
        packed = rest[:1] == b"\1"
        rest = b"\0" + rest[2:].split(b"\0", 2)[-1]  # after flag, method, language and translated keyword
    try:
        return zlib.decompressobj().decompress(rest[1:], _MAX_BYTES) if packed else rest[kind == b"iTXt" :]
    except zlib.error:
        return b""


def stays_true(text: Text) -> bool:
    """Tell whether a text says nothing about the pixels, and is not read otherwise."""
    return not keyword(text).startswith((*_BOUND_TO_FILE, XMP, IPTC_PROFILE))


def from_comment(comment: bytes) -> Text:
    """Return the comment of a JPEG as a text."""
    try:
        comment.decode()
    except UnicodeDecodeError:
        return b"tEXt", _COMMENT + b"\0" + comment
    return b"iTXt", _COMMENT + bytes(5) + comment


def to_comment(text: Text) -> bytes | None:
    """Return a text as the comment of a JPEG, where it is one."""
    return content(text) if keyword(text) == _COMMENT else None


def from_xmp(xmp: bytes) -> Text:
    """Return the chunk that holds XMP."""
    return b"iTXt", XMP + bytes(5) + xmp


def from_iptc(iptc: bytes) -> Text:
    """Return the chunk in which ImageMagick and ExifTool keep IPTC: hexadecimal digits."""
    resource = to_resource(iptc)
    digits = resource.hex().encode()
    lines = [digits[start : start + _DIGITS_IN_LINE] for start in range(0, len(digits), _DIGITS_IN_LINE)]
    text = b"\n".join([b"", b"iptc", b"%8d" % len(resource), *lines, b""])
    return b"zTXt", IPTC_PROFILE + b"\0\0" + zlib.compress(text)


def from_digits(text: Text) -> bytes:
    """Return the bytes that a text holds in hexadecimal digits, as ImageMagick writes them.

    Raises:
        ValueError: it holds something else.
    """
    _, _, _, digits = content(text).split(b"\n", 3)  # after nothing, the kind and the length
    return bytes.fromhex(digits.decode())


def to_resource(iptc: bytes) -> bytes:
    """Return IPTC as a resource of Photoshop, which is how JPEG holds it."""
    return _IPTC_RESOURCE + struct.pack(">I", len(iptc)) + iptc + bytes(len(iptc) % 2)


def from_resources(data: bytes) -> bytes:
    """Find IPTC among resources of Photoshop; data without them is IPTC itself."""
    start = data.find(_IPTC_RESOURCE)
    if start < 0:
        return b"" if data.startswith(b"8BIM") else data
    begin = start + len(_IPTC_RESOURCE) + 4
    return data[begin : begin + int.from_bytes(data[begin - 4 : begin], "big")]
