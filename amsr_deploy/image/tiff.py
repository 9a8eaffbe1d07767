"""TIFF files: which page holds the picture, how its samples are stored, and what they mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.ExifTags import Base
from PIL.TiffImagePlugin import ImageFileDirectory_v2
from PIL.TiffTags import BYTE

from amsr_deploy.errors import ImageError
from amsr_deploy.image.arrays import from_float, white
from amsr_deploy.image.cmyk_lab import cmyk_to_srgb, decode_lab, lab_to_srgb
from amsr_deploy.image.colour import check_profile
from amsr_deploy.image.decoders import check_pixels, decode_deep, to_stored_mode
from amsr_deploy.image.exif import GEO_EXTRAS, GROUPS
from amsr_deploy.image.picture import Metadata, Picture
from amsr_deploy.image.place import GEO_TAGS, GeoReference, Resolution
from amsr_deploy.image.samples import to_picture, to_unit
from amsr_deploy.image.source import Source
from amsr_deploy.image.stored import Stored
from amsr_deploy.image.tiff_layout import (
    CIE_LAB,
    CMYK,
    FLOAT,
    GREY,
    ICC_LAB,
    MASK,
    NO_COMPRESSION,
    PALETTE,
    REQUIRED,
    RGB,
    WHITE_IS_ZERO,
    YCBCR,
    SampleLayout,
    refusal,
)

_BIG_BIG_ENDIAN = b"MM\0+"
"""BigTIFF in the byte order that Pillow does not know there."""

_REDUCED, _IS_MASK = 1, 4
"""Bits of NewSubfileType."""
_OLD_REDUCED = 2
"""The value of SubfileType."""
_COLOUR_TAGS = (Base.TransferFunction, Base.WhitePoint, Base.PrimaryChromaticities)
_PILLOW_MODELS = (WHITE_IS_ZERO, GREY, RGB, PALETTE, CMYK, YCBCR)
_MAX_PAGES = 10_000


@dataclass(frozen=True)
class Page:
    """A directory of the file: its number, its place and its tags."""

    number: int
    offset: int
    tags: Mapping[int, Any]

    @property
    def is_picture(self) -> bool:
        """Whether it is neither a smaller version of another page nor its mask."""
        kind = self.tags.get(Base.NewSubfileType, 0)
        reduced = kind & _REDUCED or self.tags.get(Base.SubfileType) == _OLD_REDUCED
        return not (reduced or kind & _IS_MASK or self.tags.get(Base.PhotometricInterpretation) == MASK)


def read_tiff(source: Source) -> Stored:
    """Read the picture of a TIFF in full size, passing over thumbnails, overviews and masks.

    Raises:
        ImageError: a file that is damaged, too large, of several pages, or whose samples cannot be read.
    """
    page = _picture_page(_pages(source), source)
    if missing := [tag.name for tag in REQUIRED if tag not in page.tags]:
        raise ImageError(f"{source.path} is damaged (it lacks its {missing[0]}); copy or export it again")
    layout = SampleLayout.of(page.tags)
    reason = refusal(layout)
    if reason:
        raise ImageError(f"{source.path} {reason}")
    check_pixels((layout.width, layout.height))
    if not page.tags.get(Base.InterColorProfile) and (named := [tag.name for tag in _COLOUR_TAGS if tag in page.tags]):
        source.warn(f"its colours are told by {', '.join(named)}, which is kept but rarely read; a profile is safer")
    metadata = Metadata(
        icc_profile=check_profile(_profile(page.tags), source),
        resolution=_resolution(page.tags),
        geo=_georeference(page.tags, source),
        xmp=page.tags.get(Base.XMLPacket),
        iptc=page.tags.get(Base.IPTCNAA),
    )
    if _is_for_pillow(layout) and source.head(4) != _BIG_BIG_ENDIAN:
        return Stored(_read_with_pillow(page, metadata, source), lambda: _exif(page, source), turned=True)
    return Stored(_read_deep(page, layout, metadata, source), lambda: _exif(page, source))


def _pages(source: Source) -> list[Page]:
    """Read the directories that follow each other; pages inside others are not among them.

    Raises:
        ImageError: there is none.
    """
    head = source.head(16)
    is_big = b"+" in head[:4]
    # Pillow knows the header of a BigTIFF in one byte order only, and the rest of it in both.
    directory = ImageFileDirectory_v2(b"II+\0" + head[4:] if is_big else head[:8], prefix=head[:2])
    found: dict[int, Page] = {}
    while (offset := directory.next) and offset not in found and len(found) < _MAX_PAGES:
        source.file.seek(offset)
        directory.load(source.file)
        for tag in {Base.XMLPacket, Base.IPTCNAA} & set(directory):
            directory.tagtype[tag] = BYTE  # whatever type the file gives them
        found[offset] = Page(len(found), offset, dict(directory))
    if not found:
        raise ImageError(f"{source.path} is damaged or cut off (it has no directory); copy or export it again")
    return list(found.values())


def _picture_page(pages: list[Page], source: Source) -> Page:
    """Choose the page in full size.

    Raises:
        ImageError: there are several, or only a smaller version of what is kept elsewhere.
    """
    pictures = [page for page in pages if page.is_picture]
    if len(pictures) > 1:
        raise ImageError(f"{source.path} holds {len(pictures)} pictures (several pages); split it into single ones")
    if pictures:
        return pictures[0]
    if any(Base.SubIFDs in page.tags for page in pages):
        raise ImageError(
            f"{source.path} holds its picture inside a thumbnail's directory, as raw camera files do; convert it first"
        )
    return max(pages, key=lambda page: int(page.tags.get(Base.ImageWidth, 0)))


def _is_for_pillow(layout: SampleLayout) -> bool:
    """Tell whether Pillow reads the samples right: it knows more compressions, OpenImageIO more layouts."""
    one_byte = set(layout.bits) == {8} or (len(layout.bits) == 1 and layout.bits[0] in (1, 2, 4))
    extras_known = not layout.extras or (len(layout.extras) == 1 and layout.alpha is not None)
    plain = not layout.planar and FLOAT not in layout.kinds
    grey_alpha_inverted = layout.model == WHITE_IS_ZERO and bool(layout.extras)
    cmyk_alpha = layout.model == CMYK and bool(layout.extras)
    grey_premultiplied = layout.model == GREY and layout.premultiplied
    ycbcr_plain = layout.model == YCBCR and layout.compression == NO_COMPRESSION  # which Pillow 12 does not know
    return (
        layout.model in _PILLOW_MODELS
        and one_byte
        and plain
        and extras_known
        and not (grey_alpha_inverted or cmyk_alpha or grey_premultiplied or ycbcr_plain)
    )


def _read_with_pillow(page: Page, metadata: Metadata, source: Source) -> Picture:
    with Image.open(source.rewound(), formats=["TIFF"]) as image:
        image.seek(page.number)
        image.load()
        if image.mode == "CMYK":
            metadata = _without_colour(metadata)
        if image.mode == "P" and max(page.tags[Base.ColorMap]) < 256:
            image.putpalette(_narrow_palette(page.tags[Base.ColorMap]))
        return to_picture(to_stored_mode(image, source), metadata)


def _narrow_palette(colour_map: tuple[int, ...]) -> bytes:
    """Return a palette of 8 bits, as old programs wrote it in place of 16, in the order of Pillow."""
    return np.array(colour_map, np.uint8).reshape(3, -1).T.tobytes()


def _without_colour(metadata: Metadata) -> Metadata:
    """Keep what belongs to pixels that became sRGB."""
    return replace(metadata, icc_profile=None)


def _read_deep(page: Page, layout: SampleLayout, metadata: Metadata, source: Source) -> Picture:
    with source.plain_path(".tif") as path:
        raw = layout.model != YCBCR
        samples = decode_deep(path, source, page.number, raw).samples
    if layout.model in (CIE_LAB, ICC_LAB):
        samples = samples.view(f"u{samples.itemsize}")  # whatever type the file gives them
    if samples.shape[:2] != (layout.height, layout.width):
        raise ImageError(f"{source.path} is damaged (its pages do not match its tags); copy or export it again")
    if layout.model == PALETTE:
        return to_picture(samples, metadata)
    if FLOAT in layout.kinds:
        _check_range(samples, source)
    alpha = None if layout.alpha is None else samples[..., layout.alpha : layout.alpha + 1]
    dropped = len(layout.extras) - (alpha is not None)
    if dropped:
        source.warn(f"{dropped} of its channels are neither colour nor transparency and are dropped")
    if layout.model == WHITE_IS_ZERO and max(layout.bits) <= 8:
        samples, alpha = _opposite(samples), None if alpha is None else _opposite(alpha)  # undo what the library did
    colour, is_srgb = _colour(samples[..., : layout.colours], layout, metadata, source)
    if is_srgb:
        metadata = _without_colour(metadata)
    if alpha is not None:
        parts = (colour, alpha) if colour.dtype == alpha.dtype else (to_unit(colour), to_unit(alpha))
        colour = np.concatenate(parts, axis=2)
    picture = to_picture(colour, metadata, layout.premultiplied)
    return replace(picture, bits=8 if samples.dtype == np.uint8 else 16)


def _check_range(samples: NDArray[Any], source: Source) -> None:
    """Raise ImageError for floating point that is not between black and white."""
    low, high = samples.min(), samples.max()
    if not (low >= 0 and high <= 1):
        raise ImageError(
            f"{source.path} has floating-point samples from {low:g} to {high:g}; scale them to 0 (black) to 1 (white)"
        )
    source.warn("its floating-point samples are taken as they are, as if sRGB; results have 16 bits")


def _opposite(samples: NDArray[Any]) -> NDArray[Any]:
    """Exchange black and white."""
    return (white(samples.dtype) - samples).astype(samples.dtype)


def _colour(
    samples: NDArray[Any], layout: SampleLayout, metadata: Metadata, source: Source
) -> tuple[NDArray[Any], bool]:
    """Return samples as grey or RGB, and whether they became sRGB on the way."""
    if layout.model == WHITE_IS_ZERO:
        return _opposite(samples), False
    if layout.model in (CIE_LAB, ICC_LAB):
        return lab_to_srgb(decode_lab(samples, layout.model == CIE_LAB)), True
    if layout.model == CMYK:
        return _cmyk(samples, metadata.icc_profile, source), True
    return samples, False


def _cmyk(samples: NDArray[Any], profile: bytes | None, source: Source) -> NDArray[Any]:
    if profile is None:
        inks = to_unit(samples)
        return (1 - inks[..., :3]) * (1 - inks[..., 3:])
    if samples.dtype != np.uint8:
        source.warn("CMYK with more than 8 bits per channel is read with 8")
        samples = from_float(to_unit(samples), np.dtype(np.uint8))
    image = Image.fromarray(np.ascontiguousarray(samples), "CMYK")
    image.info["icc_profile"] = profile
    return np.asarray(cmyk_to_srgb(image, source.warn))


def _profile(tags: Mapping[int, Any]) -> bytes | None:
    value = tags.get(Base.InterColorProfile)
    return value if isinstance(value, bytes) else None


def _resolution(tags: Mapping[int, Any]) -> Resolution | None:
    unit = {1: None, 2: "inch", 3: "cm"}.get(tags.get(Base.ResolutionUnit, 2))
    x, y = (float(tags.get(tag, 0)) for tag in (Base.XResolution, Base.YResolution))
    return Resolution.of(x, y, cast(Literal["inch", "cm"] | None, unit))


def _georeference(tags: Mapping[int, Any], source: Source) -> GeoReference | None:
    kept = {tag: tags[tag] for tag in GEO_TAGS if tag in tags}
    if GEO_EXTRAS & set(tags):
        source.warn("its statistics, no-data value or camera model hold for the original pixels only and are dropped")
    return GeoReference(kept) if kept else None


def _exif(page: Page, source: Source) -> Image.Exif:
    """Return EXIF, whose tags are among those of the page."""
    head = source.head(4)
    exif = Image.Exif()
    if head == _BIG_BIG_ENDIAN:
        for tag in set(page.tags) - GROUPS:
            exif[tag] = page.tags[tag]
        if GROUPS & set(page.tags):
            source.warn("its EXIF and GPS data cannot be read from a big-endian BigTIFF and are dropped")
        return exif
    exif.endian = "<" if head.startswith(b"II") else ">"
    exif.bigtiff = b"+" in head
    exif.load_from_fp(source.rewound(), page.offset)
    return exif
