"""JPEG files: what their header says, and what can be saved of one that is cut off."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import cast

import numpy as np
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from amsr_deploy.errors import ImageError
from amsr_deploy.image.colour import check_profile
from amsr_deploy.image.decoders import to_stored_mode
from amsr_deploy.image.picture import Metadata
from amsr_deploy.image.place import Resolution
from amsr_deploy.image.samples import to_picture
from amsr_deploy.image.source import Source
from amsr_deploy.image.stored import Stored
from amsr_deploy.image.texts import from_comment

SIGNATURE = b"\xff\xd8\xff"

_END = b"\xff\xd9"
_SCAN = 0xDA
_STAND_ALONE = {0x01, *range(0xD0, 0xDA)}
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_HUFFMAN = {0xC0, 0xC1, 0xC2, 0xC3}
_UNREADABLE = {**dict.fromkeys((0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF), "hierarchical JPEG"), 0xF7: "JPEG-LS"}
# What a decoder must see after the last bits of a scan before it gives them out.
_LOOK_AHEAD = bytes(8)
_MOST_MISSING = 1 / 4
_LONG_XMP = b"http://ns.adobe.com/xmp/extension/\0"
_IPTC_RESOURCE = 0x0404
_LUMA_STEPS = 3688
"""Sum of the steps by which luma is quantized at quality 50: table K.1 of ITU-T T.81, in the scale of libjpeg."""


@dataclass(frozen=True)
class Header:
    """What the frame and the scans say.

    Attributes:
        progressive: whether the scans refine each other.
        refining: whether the last scan refines samples that others have given.
        has_profile: whether there is a part of a colour profile.
        has_long_xmp: whether XMP goes on in segments of its own.
    """

    progressive: bool
    refining: bool
    has_profile: bool
    has_long_xmp: bool


def read_jpeg(source: Source) -> Stored:
    """Read a JPEG; of a phone's file with further pictures, the first.

    Raises:
        ImageError: a file that is damaged, cut off long before its end, or of a kind that cannot be read.
    """
    data = source.data()
    header = read_header(data, source)
    image = _decode_cut(data, header, source)
    profile = image.info.get("icc_profile")
    if header.has_profile and not profile:
        profile = b"damaged"
    is_cmyk = image.mode == "CMYK"
    metadata = Metadata(
        icc_profile=None if is_cmyk else check_profile(profile, source),  # the pixels of CMYK become sRGB
        resolution=_resolution(image),
        xmp=image.info.get("xmp"),
        iptc=image.info.get("photoshop", {}).get(_IPTC_RESOURCE),
        texts=(from_comment(image.info["comment"]),) if image.info.get("comment") else (),
        jpeg_quality=estimate_quality(image.quantization[0]) if 0 in image.quantization else None,
    )
    if header.has_long_xmp:
        source.warn("the parts of its XMP beyond 64 KB are dropped")
    return Stored(to_picture(to_stored_mode(image, source), metadata), image.getexif)


def _decode_cut(data: bytes, header: Header, source: Source) -> JpegImageFile:
    """Decode a JPEG; one that lacks little of its end, with a warning."""
    try:
        return _decode(data)
    except OSError as error:
        if "truncated" not in str(error):
            raise
        image = _decode(data + _END)
        missing = _missing_rows(data, image, header)
        if missing > image.height * _MOST_MISSING:
            raise
        what = "the last scan is not whole" if header.progressive else f"of {image.height} rows {missing} are missing"
        source.warn(f"it lacks its end: {what}")
    return image


def _decode(data: bytes) -> JpegImageFile:
    image = cast(JpegImageFile, Image.open(io.BytesIO(data), formats=["JPEG", "MPO"]))
    image.load()
    return image


def estimate_quality(luma_steps: Sequence[int]) -> int:
    """Estimate the quality from 1 to 100, as libjpeg counts it, that quantizes luma as finely as 64 steps do."""
    share = sum(luma_steps) / _LUMA_STEPS
    return max(1, round(100 - 50 * share if share < 1 else 50 / share))


def read_header(data: bytes, source: Source) -> Header:
    """Read what the frame and the scans say.

    Raises:
        ImageError: a kind of JPEG that cannot be read.
    """
    frame, scan, body_of_frame, body_of_scan, has_profile, has_long_xmp = 0, False, b"", b"", False, False
    for marker, body in _segments(data):
        if marker in _UNREADABLE:
            raise ImageError(f"{source.path} is {_UNREADABLE[marker]}, which cannot be read; save it as PNG")
        if marker in _FRAMES and not frame:
            frame, body_of_frame = marker, body
        if marker == _SCAN:
            scan, body_of_scan = True, body
        has_profile |= marker == 0xE2 and body.startswith(b"ICC_PROFILE\0")
        has_long_xmp |= marker == 0xE1 and body.startswith(_LONG_XMP)
    if not body_of_frame:
        raise ImageError(f"{source.path} is damaged or cut off (it has no frame); copy or export it again")
    precision = body_of_frame[0]
    if precision != 8:
        raise ImageError(
            f"{source.path} is a JPEG with {precision} bits per sample, which cannot be read; save it with 8, or as PNG"
        )
    height, width = (int.from_bytes(body_of_frame[place : place + 2], "big") for place in (1, 3))
    if frame in _HUFFMAN and 8 * len(data) < (height // 16) * (width // 16):  # 16x16 pixels take a bit at least
        raise ImageError(
            f"{source.path} is damaged or cut off (its {len(data)} bytes cannot hold {width}x{height} pixels); "
            "copy or export it again"
        )
    refining = scan and bool(body_of_scan) and body_of_scan[-1] >> 4 > 0
    return Header(frame in (0xC2, 0xC6, 0xCA, 0xCE), refining, has_profile, has_long_xmp)


def _segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield markers of the first picture and what they hold, without the coded samples between them."""
    place = 2
    while True:
        place = data.find(b"\xff", place)
        if place < 0 or place + 4 > len(data):
            return
        marker = data[place + 1]
        if marker in (0x00, 0xFF) or marker in _STAND_ALONE:
            if marker == 0xD9:
                return
            place += 1 if marker == 0xFF else 2
            continue
        length = int.from_bytes(data[place + 2 : place + 4], "big")
        yield marker, data[place + 4 : place + 2 + length]
        place += 2 + length


def segment(marker: int, body: bytes) -> bytes:
    """Return a segment of a header."""
    return bytes([0xFF, marker]) + (len(body) + 2).to_bytes(2, "big") + body


def _missing_rows(data: bytes, filled: Image.Image, header: Header) -> int:
    """Count the rows of a cut file that only the decoder has filled in.

    Args:
        data: the file.
        filled: what a decoder makes of it.
        header: of the file; one whose last scan only refines lacks no row.
    """
    if header.progressive:
        return 0 if header.refining else filled.height
    partial = Image.open(io.BytesIO(data + _LOOK_AHEAD), formats=["JPEG", "MPO"])
    with suppress(OSError):
        partial.load()
    partial.tile = []  # what was decoded before the error stays
    decoded = np.asarray(partial).reshape(filled.height, -1)
    blank = ~decoded.any(axis=1) & np.asarray(filled).reshape(filled.height, -1).any(axis=1)
    return int(blank.sum())


def _resolution(image: Image.Image) -> Resolution | None:
    x, y = image.info.get("jfif_density", (0, 0))
    return Resolution.of(x, y, {1: "inch", 2: "cm"}.get(image.info.get("jfif_unit", 0)))  # type: ignore[arg-type]
