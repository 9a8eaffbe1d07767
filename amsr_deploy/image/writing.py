"""Writing pictures: what a format can hold is checked before the work, and a file is written whole or not at all."""

from __future__ import annotations

import io
import logging
import math
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from amsr_deploy.errors import ImageError
from amsr_deploy.files import StrPath, write_problem
from amsr_deploy.image import colour
from amsr_deploy.image.canvas import CanvasWriter
from amsr_deploy.image.formats import FORMATS, Format, WriteOptions, output_format, suffixes
from amsr_deploy.image.jpeg import segment
from amsr_deploy.image.jxl import check_support, encode_jxl
from amsr_deploy.image.layout import Layout
from amsr_deploy.image.picture import Metadata, Picture
from amsr_deploy.image.pillow import new_pillow, paste
from amsr_deploy.image.samples import Samples, channel_count, sample_strips, sample_type
from amsr_deploy.image.strips import StripWriter
from amsr_deploy.image.texts import to_comment, to_resource
from amsr_deploy.system.memory import check_memory
from amsr_deploy.wording import IN_STRIPS, first_line

_PNG, _JPEG, _TIFF, _BMP, _JXL = (FORMATS[suffix] for suffix in (".png", ".jpg", ".tif", ".bmp", ".jxl"))
_WITH_STRIPS = (_PNG, _TIFF)
_WITH_DENSITY = (_PNG, _TIFF, _JPEG, _BMP)
_MAX_DENSITY = 65535
_LIGHT = {b"mDCV", b"mDCv", b"cLLI", b"cLLi"}
_PILLOW_PIXEL = 4
"""Bytes of a pixel in Pillow, of RGB too."""
_JXL_COPIES, _JXL_BYTES = 4, 200 << 20
"""How often JPEG XL's samples are held, ours counted, and the bytes that its library takes besides, as measured."""
_AS_IT_COMES = WriteOptions()

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
    path: StrPath, picture: Picture, size: tuple[int, int] | None = None, options: WriteOptions = _AS_IT_COMES
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
    if file_format is _JXL:
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
    losses = []
    name, profile = file_format.name, metadata.icc_profile
    if profile and not colour.fits_channels(profile, channels):
        losses.append(f"a colour profile for {profile[16:20].decode('latin-1').strip()} does not fit and is dropped")
        metadata = replace(metadata, icc_profile=None)
    if metadata.icc_profile and not file_format.profile:
        losses.append(f"{name} drops the colour profile; use .png to keep it")
        metadata = replace(metadata, icc_profile=None)
    if metadata.exif and len(metadata.exif) > file_format.exif:
        too_large = f"EXIF of {len(metadata.exif)} bytes is too large for {name} and"
        losses.append(f"{too_large if file_format.exif else f'EXIF has no place in {name} and'} is dropped")
        metadata = replace(metadata, exif=None)
    meaning = colour.meaning(metadata.colour, profile)
    if meaning and file_format is not _PNG:
        losses.append(f"{name} cannot tell that the colours are in {meaning}, and will look wrong; use .png")
    if file_format is not _PNG and _LIGHT & {chunk for chunk, _ in metadata.colour}:
        losses.append(f"{name} drops what is told of the display that the picture was made on (mDCV, cLLI)")
    if metadata.resolution and (file_format not in _WITH_DENSITY or not _tells(file_format, metadata)):
        if not metadata.exif:
            losses.append(f"{name} drops the resolution")
        metadata = replace(metadata, resolution=None)
    if metadata.geo and file_format is not _TIFF:
        losses.append(f"{name} drops the place on the earth; use .tif to keep it")
        metadata = replace(metadata, geo=None)
    metadata, words = _fit_words(metadata, file_format)
    if words:
        losses.append(f"{name} drops {', '.join(words)}")
    return metadata, losses


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
    return resolution is not None and (file_format in _WITH_STRIPS or resolution.unit is not None)


def check_writable(path: Path) -> Format:
    """Return the format of a picture file that can be written.

    Raises:
        ImageError: an unknown suffix, or see `write_problem`.
    """
    file_format = output_format(path)
    if problem := write_problem(path):
        raise ImageError(problem)
    return file_format


def write(path: StrPath, picture: Picture, options: WriteOptions = _AS_IT_COMES) -> None:
    """Write a picture in the format of the name's suffix: all of it or, on failure, nothing.

    Raises:
        ImageError: see `check_output`; a full disk. A file that was there before is then unchanged.
        UserError: options that the format does not have.
    """
    with _open(Path(path), picture, picture.size, options) as writer:
        for strip in sample_strips(picture, writer.bits, writer.channels):
            writer.write(strip)


def open_strips(
    path: StrPath, picture: Picture, size: tuple[int, int], options: WriteOptions = _AS_IT_COMES
) -> StripWriter | CanvasWriter:
    """Open a file for an enlarged picture, which comes in strips. PNG and TIFF never hold it in memory as a whole.

    Args:
        path: name of the file.
        picture: the small picture, which tells channels, depth and metadata.
        size: height and width of the enlarged one.
        options: how it is written.

    Raises:
        ImageError: see `check_output`.
        UserError: options that the format does not have.
    """
    return _open(Path(path), replace(picture, metadata=picture.metadata.scaled(picture.size, size)), size, options)


def _open(path: Path, picture: Picture, size: tuple[int, int], options: WriteOptions) -> StripWriter | CanvasWriter:
    """Do the same for metadata that is of the enlarged picture already."""
    file_format = check_writable(path)
    picture, _ = fit(path, picture, size, file_format, options)
    channels, bits = channel_count(picture, file_format.grey), min(picture.bits, file_format.bits)
    if file_format in _WITH_STRIPS:
        return StripWriter(path, Layout(size, channels, bits, picture.metadata, options.compression))
    canvas = _JxlCanvas if file_format is _JXL else _PillowCanvas
    with _encoding(path, file_format):
        whole = canvas(path, (*size, channels), bits, picture.metadata, options)
        return CanvasWriter(path, channels, bits, whole)


@contextmanager
def _encoding(path: Path, file_format: Format) -> Iterator[None]:
    """Make one clear line of what libraries raise."""
    try:
        yield
    except MemoryError as error:
        raise ImageError(f"{path} does not fit in memory as {file_format.name}; {IN_STRIPS}") from error
    except (OSError, ValueError, KeyError, RuntimeError, struct.error) as error:
        raise ImageError(
            f"{path} cannot be written as {file_format.name} ({first_line(error)}); free space or try another format"
        ) from error


def _bytes_in_memory(picture: Picture, size: tuple[int, int], file_format: Format, lossless: bool) -> int:
    """Estimate the bytes of an enlarged picture that are in memory at once while it is written."""
    channels = channel_count(picture, file_format.grey)
    if file_format in _WITH_STRIPS:
        return 0
    if file_format is _JXL:
        return _JXL_COPIES * math.prod(size) * channels * picture.bits // 8 + _JXL_BYTES
    encoder = file_format.encoder * (2 if lossless and file_format.quality else 1)
    return math.prod(size) * ((1 if channels == 1 else _PILLOW_PIXEL) + encoder)


class _PillowCanvas:
    """A picture in Pillow."""

    def __init__(
        self, path: Path, shape: tuple[int, int, int], bits: int, metadata: Metadata, options: WriteOptions
    ) -> None:
        self._path, self._metadata, self._options = path, metadata, options
        self._image = new_pillow(shape, bits)

    def put(self, rows: Samples, top: int) -> None:
        paste(self._image, rows, top)

    def encode(self) -> bytes:
        file_format, metadata = output_format(self._path), self._metadata
        settings: dict[str, Any] = {"icc_profile": metadata.icc_profile, "exif": metadata.exif, "xmp": metadata.xmp}
        if metadata.iptc:
            settings["extra"] = segment(0xED, b"Photoshop 3.0\0" + to_resource(metadata.iptc))
        for text in metadata.texts:
            settings["comment"] = to_comment(text)
        if metadata.resolution:
            settings["dpi"] = tuple(min(value, _MAX_DENSITY) for value in metadata.resolution.per("inch"))
        if file_format.quality is not None:
            settings |= {"quality": self._options.quality or file_format.quality, "lossless": self._options.lossless}
            settings["subsampling"] = "4:4:4"
        file = io.BytesIO()
        with _encoding(self._path, file_format):
            self._image.save(file, file_format.name, **{name: value for name, value in settings.items() if value})
        return file.getvalue()


class _JxlCanvas:
    """The samples of a JPEG XL."""

    def __init__(
        self, path: Path, shape: tuple[int, int, int], bits: int, metadata: Metadata, options: WriteOptions
    ) -> None:
        self._path, self._metadata, self._options = path, metadata, options
        self._samples = np.empty(shape, dtype=sample_type(bits))

    def put(self, rows: Samples, top: int) -> None:
        self._samples[top : top + len(rows)] = rows

    def encode(self) -> bytes:
        quality = 100 if self._options.lossless else self._options.quality or _JXL.quality or 100
        with _encoding(self._path, _JXL):
            return encode_jxl(self._samples, quality, self._metadata)
