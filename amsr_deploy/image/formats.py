"""The picture formats: what each can hold, and how it is written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from amsr_deploy.errors import ImageError, UserError

_MOST = 2**31 - 1


@dataclass(frozen=True)
class Format:
    """What a file format can hold.

    Attributes:
        name: as users know it.
        suffixes: of file names, the usual one first.
        writable: whether `write` makes such files.
        alpha: whether it holds transparency.
        bits: the most bits of a channel.
        grey: whether it holds pictures of one channel.
        profile: whether it holds a colour profile.
        exif: the most bytes of EXIF.
        xmp: the most bytes of XMP.
        iptc: the most bytes of IPTC data.
        texts: which it holds: all, none, or a single comment.
        max_side: the most pixels on a side.
        quality: of lossy compression by default, 1 to 100; None for lossless formats.
        lossless: whether compression without loss can be had.
        small: whether a slower compression makes smaller files.
        encoder: bytes of a pixel that the library takes while it encodes a whole picture, beside that picture; a lossy
            format takes twice as many where it keeps every sample.
    """

    name: str
    suffixes: tuple[str, ...]
    writable: bool = True
    alpha: bool = True
    bits: Literal[8, 16] = 8
    grey: bool = True
    profile: bool = True
    exif: int = _MOST
    xmp: int = _MOST
    iptc: int = 0
    texts: Literal["all", "comment", "none"] = "none"
    max_side: int = _MOST
    quality: int | None = None
    lossless: bool = True
    small: bool = False
    encoder: int = 0


_SEGMENT = 65533  # bytes of a segment of JPEG; XMP and IPTC have a head there
_ALL = (
    Format("PNG", (".png",), bits=16, iptc=_MOST, texts="all", small=True),
    Format(
        "JPEG",
        (".jpg", ".jpeg", ".jpe", ".jfif"),
        alpha=False,
        exif=_SEGMENT,
        xmp=_SEGMENT - 29,
        iptc=_SEGMENT - 27,
        texts="comment",
        max_side=65500,
        quality=95,
        lossless=False,
        encoder=5,
    ),
    Format("WebP", (".webp",), grey=False, max_side=16383, quality=95, encoder=20),
    Format("TIFF", (".tif", ".tiff"), bits=16, iptc=_MOST, small=True),
    Format("AVIF", (".avif",), grey=False, max_side=65536, quality=90, lossless=False, encoder=50),
    Format("JPEG XL", (".jxl",), bits=16, grey=False, quality=95),
    Format("BMP", (".bmp",), alpha=False, profile=False, exif=0, xmp=0, encoder=5),
    Format("GIF", (".gif",), writable=False),
    Format("HEIC", (".heic", ".heif", ".hif"), writable=False),
    Format("MPO", (".mpo", ".jps"), writable=False),
)
FORMATS: dict[str, Format] = {suffix: file_format for file_format in _ALL for suffix in file_format.suffixes}
"""Formats by the suffix of the file name."""
READABLE: tuple[str, ...] = tuple(FORMATS)
"""Suffixes of pictures that can be read, HEIC's where its extra is installed."""
WRITABLE: tuple[str, ...] = tuple(suffix for suffix, file_format in FORMATS.items() if file_format.writable)
"""Suffixes of pictures that can be written."""


def names() -> str:
    """List the formats in words."""
    *most, last = (file_format.name for file_format in _ALL)
    return f"{', '.join(most)} or {last}"


def named_format(path: Path) -> Format | None:
    """Return the format that a file name tells; None where it is no name of a picture."""
    return FORMATS.get(path.suffix.lower())


def output_format(path: Path) -> Format:
    """Return the format that a file name asks for.

    Raises:
        ImageError: a suffix of no format, or of one that is only read.
    """
    file_format = named_format(path)
    if file_format is None:
        raise ImageError(f"{path} does not end in a known suffix; use one of: {', '.join(WRITABLE)}")
    if not file_format.writable:
        raise ImageError(f"{path}: {file_format.name} is only read; use one of the suffixes: {', '.join(WRITABLE)}")
    return file_format


@dataclass(frozen=True)
class WriteOptions:
    """How a picture is written.

    Attributes:
        quality: of lossy compression, 1 to 100, larger: better, larger files; None is the format's own.
        lossless: keep every sample.
        strip_metadata: leave out EXIF, XMP, IPTC, texts, resolution and place; what describes colour stays.
        compression: `fast`, or `small`, which takes some thirty times as long for a sixth off PNG and TIFF files.
    """

    quality: int | None = None
    lossless: bool = False
    strip_metadata: bool = False
    compression: Literal["fast", "small"] = "fast"

    def check(self, file_format: Format) -> None:
        """Check that a format can be written so.

        Raises:
            UserError: it cannot; the message says what can.
        """
        if self.quality is not None and not 1 <= self.quality <= 100:
            raise UserError(f"`quality` {self.quality} is not between 1 and 100")
        if self.quality is not None and self.lossless:
            raise UserError("`quality` cannot be combined with `lossless`")
        if self.quality is not None and file_format.quality is None:
            lossy = suffixes(lambda other: other.quality)
            raise UserError(f"{file_format.name} keeps every sample: `quality` is for {lossy}")
        if self.lossless and not file_format.lossless:
            raise UserError(f"{file_format.name} cannot be lossless; use {suffixes(lambda other: other.lossless)}")
        if self.compression == "small" and not file_format.small:
            smaller = suffixes(lambda other: other.small)
            raise UserError(f"{file_format.name} has no `compression` small: that is for {smaller}")


def suffixes(fits: Callable[[Format], object]) -> str:
    """List the suffixes of those formats that fit and can be written."""
    return ", ".join(suffix for suffix in WRITABLE if fits(FORMATS[suffix]))
