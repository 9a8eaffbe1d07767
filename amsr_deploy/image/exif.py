"""EXIF data of a picture whose pixels are turned and resized."""

from __future__ import annotations

from typing import Any

from PIL import Image
from PIL.ExifTags import IFD, Base

_SIZES = (Base.ExifImageWidth, Base.ExifImageHeight)
# In a TIFF, EXIF shares its directory with tags that say how the pixels are stored: wrong for any other file.
_STORAGE = {*range(254, 270), 273, *range(277, 282), 284, *range(288, 293), 317, *range(320, 348), *range(512, 533)}
_OTHER_METADATA = {700, 33723, 34377, 34675, 37724}  # XMP, IPTC, Photoshop's two and the ICC profile
_GROUPS = {IFD.Exif, IFD.GPSInfo}


def upright(source: Image.Exif) -> bytes | None:
    """EXIF for the turned picture: orientation 1, without thumbnail and storage tags; None where nothing is left.

    Raises:
        Exception: of many types, where the data is damaged.
    """
    kept = Image.Exif()
    kept.endian = source.endian
    for tag, value in tags(source).items():
        if tag not in _STORAGE | _OTHER_METADATA:
            kept[tag] = 1 if tag == Base.Orientation else value
    return kept.tobytes() if len(kept) else None


def resized(data: bytes, size: tuple[int, int]) -> bytes:
    """The same EXIF with the picture's size (height, width) set, where it tells one."""
    exif = Image.Exif()
    exif.load(data)
    details = exif.get_ifd(IFD.Exif)
    for tag, side in zip(_SIZES, reversed(size), strict=True):
        if tag in details:
            details[tag] = side
    return exif.tobytes()


def tags(source: Image.Exif) -> dict[int, Any]:
    """All tags, with the groups (EXIF, GPS, interoperability) as dictionaries instead of offsets into the file."""
    found: dict[int, Any] = {tag: value for tag, value in source.items() if tag not in _GROUPS}
    for group in _GROUPS & set(source):
        found[group] = dict(source.get_ifd(group))
    if IFD.Interop in found.get(IFD.Exif, {}):
        found[IFD.Exif][IFD.Interop] = dict(source.get_ifd(IFD.Interop))
    return found
