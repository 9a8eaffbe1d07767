"""What a format can hold of a picture, and what it loses: known before the work, and said then."""

from __future__ import annotations

import logging
import math
from dataclasses import replace
from pathlib import Path

from amsr_deploy.errors import ImageError
from amsr_deploy.files import StrPath, write_problem
from amsr_deploy.image import colour
from amsr_deploy.image.formats import FORMATS, Format, WriteOptions, output_format, suffixes
from amsr_deploy.image.jxl import check_support
from amsr_deploy.image.picture import Metadata, Picture
from amsr_deploy.image.samples import channel_count
from amsr_deploy.image.texts import to_comment
from amsr_deploy.system.memory import check_memory

PNG, TIFF, JXL = (FORMATS[suffix] for suffix in (".png", ".tif", ".jxl"))
WITH_STRIPS = (PNG, TIFF)
AS_IT_COMES = WriteOptions()
_WITH_DENSITY = (PNG, TIFF, FORMATS[".jpg"], FORMATS[".bmp"])
_LIGHT = {b"mDCV", b"mDCv", b"cLLI", b"cLLi"}
_PILLOW_PIXEL = 4
"""Bytes of a pixel in Pillow, of RGB too."""
_JXL_COPIES, _JXL_BYTES = 4, 200 << 20
"""How often JPEG XL's samples are held, ours counted, and the bytes that its library takes besides, as measured."""

_log = logging.getLogger(__name__)


def check_output(path: StrPath, picture: Picture, size: tuple[int, int] | None = None) -> None:
    """Check that a picture, with another height and width, can be written; warn of what it loses.

    To be called before the upscaling: `write` would find out after it, and does not warn.

    Raises:
        ImageError: the picture cannot be written, or takes more memory for it than there is.
    """
    check_writable(Path(path))
    check_fit(path, picture, size)


def check_fit(
    path: StrPath, picture: Picture, size: tuple[int, int] | None = None, options: WriteOptions = AS_IT_COMES
) -> None:
    """Check what `check_output` does without a look at the disk, which may be that of another machine.

    Raises:
        ImageError: see `check_output`.
        UserError: options that the format does not have.
    """
    path = Path(path)
    file_format = output_format(path)
    fitted, losses = fit(path, picture, size or picture.size, file_format, options)
    for loss in losses:
        _log.warning("%s: %s", path, loss)
    needed = _bytes_in_memory(fitted, size or picture.size, file_format, options.lossless)
    check_memory(needed, f"{path}: {file_format.name}")


def check_writable(path: Path) -> Format:
    """Return the format of a picture file that can be written.

    Raises:
        ImageError: an unknown suffix, or see `write_problem`.
    """
    file_format = output_format(path)
    if problem := write_problem(path):
        raise ImageError(problem)
    return file_format


def fit(
    path: Path, picture: Picture, size: tuple[int, int], file_format: Format, options: WriteOptions
) -> tuple[Picture, list[str]]:
    """Leave out what a format cannot hold.

    Args:
        path: for messages.
        picture: the picture.
        size: height and width that it is going to have.
        file_format: where it goes.
        options: how.

    Returns:
        The picture that can be written, and a line for each thing that it loses.

    Raises:
        ImageError: no format of that kind can hold it, or the library cannot write it.
        UserError: options that the format does not have.
    """
    options.check(file_format)
    if file_format is JXL:
        check_support(path)
    if not file_format.alpha and picture.opaque:
        picture = replace(picture, alpha=None)
    if picture.alpha is not None and not file_format.alpha:
        others = suffixes(lambda other: other.alpha)
        raise ImageError(f"{path}: {file_format.name} cannot hold transparency; use {others}")
    longest = max(size)
    if longest > file_format.max_side:
        raise ImageError(
            f"{path}: {file_format.name} ends at {file_format.max_side} pixels a side, not {longest}; use .png, .tif"
        )
    losses = []
    if picture.bits > file_format.bits:
        others = suffixes(lambda other: other.bits == 16)
        losses.append(f"{file_format.name} rounds 16 bits to 8; use {others} to keep them")
    channels = channel_count(picture, file_format.grey)
    metadata, lost = _fit_metadata(picture.metadata, channels, file_format, options)
    return replace(picture, metadata=metadata), losses + lost


def _fit_metadata(
    metadata: Metadata, channels: int, file_format: Format, options: WriteOptions
) -> tuple[Metadata, list[str]]:
    """Leave out the metadata that a format cannot hold, or that is not wanted; say what is lost."""
    if options.strip_metadata:
        metadata = replace(metadata, exif=None, resolution=None, geo=None, xmp=None, iptc=None, texts=())
    name, losses = file_format.name, _lost_colour(metadata, channels, file_format)
    profile = metadata.icc_profile
    if profile and not (file_format.profile and colour.fits_channels(profile, channels)):
        metadata = replace(metadata, icc_profile=None)
    if metadata.exif and len(metadata.exif) > file_format.exif:
        too_large = f"EXIF of {len(metadata.exif)} bytes is too large for {name} and"
        losses.append(f"{too_large if file_format.exif else f'EXIF has no place in {name} and'} is dropped")
        metadata = replace(metadata, exif=None)
    if metadata.resolution and (file_format not in _WITH_DENSITY or not _tells(file_format, metadata)):
        if not metadata.exif:
            losses.append(f"{name} drops the resolution")
        metadata = replace(metadata, resolution=None)
    if metadata.geo and file_format is not TIFF:
        losses.append(f"{name} drops the place on the earth; use .tif to keep it")
        metadata = replace(metadata, geo=None)
    metadata, words = _fit_words(metadata, file_format)
    if words:
        losses.append(f"{name} drops {', '.join(words)}")
    return metadata, losses


def _lost_colour(metadata: Metadata, channels: int, file_format: Format) -> list[str]:
    """Say what a format cannot tell of the meaning of the colours."""
    name, profile, losses = file_format.name, metadata.icc_profile, []
    if profile and not colour.fits_channels(profile, channels):
        losses.append(f"a colour profile for {profile[16:20].decode('latin-1').strip()} does not fit and is dropped")
    elif profile and not file_format.profile:
        losses.append(f"{name} drops the colour profile; use .png to keep it")
    meaning = colour.meaning(metadata.colour, profile)
    if meaning and file_format is not PNG:
        losses.append(f"{name} cannot tell that the colours are in {meaning}, and will look wrong; use .png")
    if file_format is not PNG and _LIGHT & {chunk for chunk, _ in metadata.colour}:
        losses.append(f"{name} drops what is told of the display that the picture was made on (mDCV, cLLI)")
    return losses


def _fit_words(metadata: Metadata, file_format: Format) -> tuple[Metadata, list[str]]:
    """Leave out the words about a picture that a format cannot hold; name them."""
    lost = []
    if metadata.xmp and len(metadata.xmp) > file_format.xmp:
        lost.append("XMP")
        metadata = replace(metadata, xmp=None)
    if metadata.iptc and len(metadata.iptc) > file_format.iptc:
        lost.append("IPTC data")
        metadata = replace(metadata, iptc=None)
    if file_format.texts != "all":
        comments = [text for text in metadata.texts if file_format.texts == "comment"]
        kept = tuple(text for text in comments if 0 < len(to_comment(text) or b"") <= file_format.exif)[:1]
        lost += ["text"] if kept != metadata.texts else []
        metadata = replace(metadata, texts=kept)
    return metadata, lost


def _tells(file_format: Format, metadata: Metadata) -> bool:
    """Tell whether a format with a density can tell this one: JPEG and BMP know only those with a unit."""
    resolution = metadata.resolution
    return resolution is not None and (file_format in WITH_STRIPS or resolution.unit is not None)


def _bytes_in_memory(picture: Picture, size: tuple[int, int], file_format: Format, lossless: bool) -> int:
    """Estimate the bytes of an enlarged picture that are in memory at once while it is written."""
    channels = channel_count(picture, file_format.grey)
    if file_format in WITH_STRIPS:
        return 0
    if file_format is JXL:
        return _JXL_COPIES * math.prod(size) * channels * picture.bits // 8 + _JXL_BYTES
    encoder = file_format.encoder * (2 if lossless and file_format.quality else 1)
    return math.prod(size) * ((1 if channels == 1 else _PILLOW_PIXEL) + encoder)
