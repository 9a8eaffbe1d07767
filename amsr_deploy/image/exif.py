"""EXIF data of a picture whose pixels are turned and resized."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from PIL import Image
from PIL.ExifTags import IFD, Base

from amsr_deploy.image.orientation import swaps_axes, turned_point
from amsr_deploy.image.place import GEO_TAGS, Factors

# In a TIFF, EXIF shares its directory with tags that say how the pixels are stored: wrong for any other file.
_STORAGE = {
    *range(254, 270), 273, *range(277, 282), 284, *range(288, 293), 317, *range(320, 348), *range(512, 533)
}  # fmt: skip
_OTHER_METADATA = {Base.XMLPacket, Base.IPTCNAA, Base.ImageResources, Base.InterColorProfile, 37724}
"""XMP, IPTC, Photoshop's resources, the ICC profile and Photoshop's layers."""
GEO_EXTRAS = {33920, 42112, 42113, 50844}
"""Tags of GDAL and others that hold for the original pixels only: a matrix, statistics, no-data value, RPCs."""
# Cameras keep offsets into the original file in the maker note: it is broken in any other.
_BOUND_TO_FILE = {Base.MakerNote}
GROUPS = {IFD.Exif, IFD.GPSInfo}
_RELATED_SIZES = (Base.RelatedImageWidth, Base.RelatedImageLength)
_RESOLUTIONS = (
    (None, Base.XResolution, Base.YResolution),
    (IFD.Exif, Base.FocalPlaneXResolution, Base.FocalPlaneYResolution),
)
"""Pairs of tags by the group that holds them; the second is that of the focal plane."""
_SUBJECTS = (0x9214, 0xA214)
"""SubjectArea (x, y and nothing, a diameter, or width and height) and SubjectLocation (x, y)."""
_MAX_SHORT = 2**16 - 1
_MAX_RATIONAL = 2**32 - 1

Tags = dict[int, Any]


def upright(source: Image.Exif, size: tuple[int, int], orientation: int) -> bytes | None:
    """Return EXIF for the turned picture, without thumbnail and storage tags; None where nothing is left.

    Args:
        source: EXIF as it is in the file.
        size: height and width of the picture when it is turned.
        orientation: how it is turned.

    Raises:
        Exception: of many types, where the data is damaged.
    """
    dropped = {*_STORAGE, *_OTHER_METADATA, *GEO_TAGS, *GEO_EXTRAS}
    kept: Tags = {tag: value for tag, value in tags(source).items() if tag not in dropped}
    if Base.Orientation in kept:
        kept[Base.Orientation] = 1
    if swaps_axes(orientation):
        _exchange_resolutions(kept)
    details = kept.get(IFD.Exif, {})
    for tag in _BOUND_TO_FILE & set(details):
        del details[tag]
    _set_sizes(kept, size)
    _move_subjects(kept, lambda point: turned_point(point, orientation, size), swaps_axes(orientation), (1, 1))
    return _pack(kept, source.endian) if kept else None


def scaled(data: bytes, size: tuple[int, int], factors: Factors) -> bytes:
    """Return the EXIF of the resized picture: its size, resolutions and coordinates are new.

    Args:
        data: EXIF as `upright` returns it.
        size: height and width of the resized picture.
        factors: new pixels for each old one.
    """
    source = Image.Exif()
    source.load(data)
    changed = tags(source)
    for group, *pair in _RESOLUTIONS:
        holder = changed if group is None else changed.get(group, {})
        for tag, factor in zip(pair, factors, strict=True):
            if tag in holder:
                _scale_resolution(holder, tag, factor)
    _set_sizes(changed, size)
    _move_subjects(changed, lambda point: _scaled_point(point, factors), False, factors)
    return _pack(changed, source.endian)


def _scale_resolution(holder: Tags, tag: int, factor: float) -> None:
    """Multiply a resolution, or drop what is none."""
    try:
        value = float(holder.pop(tag)) * factor
    except (TypeError, ValueError, ZeroDivisionError):
        return
    if math.isfinite(value):
        holder[tag] = min(value, _MAX_RATIONAL)


def _pack(content: Tags, endian: str | None) -> bytes:
    exif = Image.Exif()
    exif.endian = endian
    for tag, value in content.items():
        exif[tag] = value
    return exif.tobytes()


def _exchange_resolutions(content: Tags) -> None:
    for group, x, y in _RESOLUTIONS:
        holder = content if group is None else content.get(group, {})
        if x in holder and y in holder:
            holder[x], holder[y] = holder[y], holder[x]


def _set_sizes(content: Tags, size: tuple[int, int]) -> None:
    """Set the picture's size wherever EXIF tells one."""
    details = content.get(IFD.Exif, {})
    for holder, pair in (
        (details, (Base.ExifImageWidth, Base.ExifImageHeight)),
        (details.get(IFD.Interop, {}), _RELATED_SIZES),
    ):
        for tag, side in zip(pair, reversed(size), strict=True):
            if tag in holder:
                holder[tag] = side


def _move_subjects(
    content: Tags, move: Callable[[tuple[float, float]], tuple[float, float]], swap: bool, factors: Factors
) -> None:
    """Move the places of the subject; drop them where they cannot be understood or told."""
    details = content.get(IFD.Exif, {})
    for tag in _SUBJECTS:
        values = details.pop(tag, None)
        if not isinstance(values, tuple) or not 2 <= len(values) <= 4:
            continue
        extent = values[:1:-1] if swap else values[2:]
        moved = (*move(values[:2]), *(length * factor for length, factor in zip(extent, factors)))  # noqa: B905
        rounded = tuple(round(value) for value in moved)
        if all(0 <= value <= _MAX_SHORT for value in rounded):
            details[tag] = rounded


def _scaled_point(point: tuple[float, float], factors: Factors) -> tuple[float, float]:
    """Find the point, counted from the centre of the first pixel, in the resized picture."""
    x, y = ((coordinate + 0.5) * factor - 0.5 for coordinate, factor in zip(point, factors, strict=True))
    return x, y


def tags(source: Image.Exif) -> Tags:
    """Return all tags, groups (EXIF, GPS, interoperability) as dictionaries instead of offsets into the file."""
    found: Tags = {tag: value for tag, value in source.items() if tag not in GROUPS}
    for group in GROUPS & set(source):
        found[group] = dict(source.get_ifd(group))
    if IFD.Interop in found.get(IFD.Exif, {}):
        found[IFD.Exif][IFD.Interop] = dict(source.get_ifd(IFD.Interop))
    return found
