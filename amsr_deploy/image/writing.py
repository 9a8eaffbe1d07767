"""Writing pictures: a file is written whole or not at all."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from amsr_deploy.errors import ImageError
from amsr_deploy.files import StrPath
from amsr_deploy.image.canvas import CanvasWriter
from amsr_deploy.image.fitting import AS_IT_COMES, JXL, WITH_STRIPS, check_writable, fit
from amsr_deploy.image.formats import Format, WriteOptions, output_format
from amsr_deploy.image.jpeg import segment
from amsr_deploy.image.jxl import encode_jxl
from amsr_deploy.image.layout import Layout
from amsr_deploy.image.picture import Metadata, Picture
from amsr_deploy.image.pillow import new_pillow, paste
from amsr_deploy.image.samples import Samples, channel_count, sample_strips, sample_type
from amsr_deploy.image.strips import StripWriter
from amsr_deploy.image.texts import to_comment, to_resource
from amsr_deploy.wording import IN_STRIPS, first_line

_MAX_DENSITY = 65535


def write(path: StrPath, picture: Picture, options: WriteOptions = AS_IT_COMES) -> None:
    """Write a picture in the format of the name's suffix: all of it or, on failure, nothing.

    Raises:
        ImageError: see `check_output`; a full disk. A file that was there before is then unchanged.
        UserError: options that the format does not have.
    """
    with _open(Path(path), picture, picture.size, options) as writer:
        for strip in sample_strips(picture, writer.bits, writer.channels):
            writer.write(strip)


def open_strips(
    path: StrPath, picture: Picture, size: tuple[int, int], options: WriteOptions = AS_IT_COMES
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
    if file_format in WITH_STRIPS:
        return StripWriter(path, Layout(size, channels, bits, picture.metadata, options.compression))
    canvas = _JxlCanvas if file_format is JXL else _PillowCanvas
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
        quality = 100 if self._options.lossless else self._options.quality or JXL.quality or 100
        with _encoding(self._path, JXL):
            return encode_jxl(self._samples, quality, self._metadata)
