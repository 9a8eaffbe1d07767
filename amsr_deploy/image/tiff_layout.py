"""How a TIFF stores its samples, and which of these ways can be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from PIL.ExifTags import Base

WHITE_IS_ZERO, GREY, RGB, PALETTE, MASK, CMYK, YCBCR, CIE_LAB, ICC_LAB = 0, 1, 2, 3, 4, 5, 6, 8, 9
COLOURS = {WHITE_IS_ZERO: 1, GREY: 1, RGB: 3, PALETTE: 1, CMYK: 4, YCBCR: 3, CIE_LAB: 3, ICC_LAB: 3}
"""Samples of a pixel without extra ones, by the colour models that can be read."""
UNSIGNED, SIGNED, FLOAT = 1, 2, 3
REQUIRED = (Base.ImageWidth, Base.ImageLength, Base.PhotometricInterpretation)
"""Tags without which there is no layout."""
PREMULTIPLIED, STRAIGHT = 1, 2
"""Kinds of extra samples that are alpha."""

_OTHER_MODELS = {
    MASK: "a transparency mask",
    10: "ITU L*a*b*",
    32803: "the mosaic of a raw camera file",
    34892: "linear samples of a raw camera file",
    32844: "LogL",
    32845: "LogLuv",
}
_LABS = (CIE_LAB, ICC_LAB)
_CMYK_INKS = 1
NO_COMPRESSION, _NEW_JPEG = 1, 7
_COMPRESSIONS = {NO_COMPRESSION, 2, 3, 4, 5, 6, _NEW_JPEG, 8, 32771, 32773, 32809, 32946, 34925, 50000}
"""Those that can be read: fax, LZW, JPEG, Deflate, PackBits, ThunderScan, LZMA and Zstandard."""
_OTHER_COMPRESSIONS = {
    33003: "JPEG 2000",
    33005: "JPEG 2000",
    34661: "JBIG",
    34676: "SGI LogLuv",
    34677: "SGI LogLuv",
    34712: "JPEG 2000",
    34887: "LERC",
    34892: "lossy JPEG of DNG",
    34933: "PNG",
    34934: "JPEG XR",
    50001: "WebP",
    50002: "JPEG XL",
    52546: "JPEG XL of DNG",
}
_READABLE_DEPTHS = {1, 2, 4, 6, 8, 10, 12, 14, 16}
_SAVE_DEPTH = "save it with 8 or 16 bits per channel"


@dataclass(frozen=True)
class SampleLayout:
    """What the tags say about the samples.

    Attributes:
        width: pixels.
        height: pixels.
        bits: of each sample of a pixel.
        kinds: sample format of each; see `UNSIGNED` and the others.
        model: photometric interpretation.
        planar: whether each channel is stored by itself.
        extras: kinds of the samples after those of the colour model.
        inks: the set of inks of a separated picture.
        compression: of the strips or tiles.
        subsampling: width and height of the pixels that share colours in YCbCr.
    """

    width: int
    height: int
    bits: tuple[int, ...]
    kinds: tuple[int, ...]
    model: int
    planar: bool
    extras: tuple[int, ...]
    inks: int
    compression: int
    subsampling: tuple[int, int]

    @classmethod
    def of(cls, tags: Mapping[int, Any]) -> SampleLayout:
        """Read the layout from the tags of a directory, which has at least `REQUIRED`."""
        samples = tags.get(Base.SamplesPerPixel, 1)
        model = tags[Base.PhotometricInterpretation]
        missing = samples - COLOURS.get(model, samples)
        return cls(
            width=tags[Base.ImageWidth],
            height=tags[Base.ImageLength],
            bits=_each(tags.get(Base.BitsPerSample, 1), samples),
            kinds=_each(tags.get(Base.SampleFormat, UNSIGNED), samples),
            model=model,
            planar=tags.get(Base.PlanarConfiguration, 1) == 2 and samples > 1,
            extras=_each(tags.get(Base.ExtraSamples, 0), missing) if missing > 0 else (),
            inks=tags.get(Base.InkSet, _CMYK_INKS),
            compression=tags.get(Base.Compression, NO_COMPRESSION),
            subsampling=tags.get(Base.YCbCrSubSampling, (2, 2)),
        )

    @property
    def colours(self) -> int:
        """Samples of a pixel that the colour model has."""
        return COLOURS[self.model]

    @property
    def alpha(self) -> int | None:
        """The channel of alpha, counted from 0."""
        found = [number for number, kind in enumerate(self.extras) if kind in (PREMULTIPLIED, STRAIGHT)]
        return self.colours + found[0] if found else None

    @property
    def premultiplied(self) -> bool:
        """Whether colours are multiplied by alpha."""
        return self.alpha is not None and self.extras[self.alpha - self.colours] == PREMULTIPLIED


def _each(value: int | tuple[int, ...], count: int) -> tuple[int, ...]:
    """Return a value for each sample; writers often give one for all."""
    values = value if isinstance(value, tuple) else (value,)
    return (values + values[-1:] * count)[:count]


def refusal(layout: SampleLayout) -> str | None:
    """Say why samples cannot be read; None where they can."""
    return _model_refusal(layout) or _compression_refusal(layout) or _sample_refusal(layout)


def _model_refusal(layout: SampleLayout) -> str | None:
    if layout.model not in COLOURS:
        name = _OTHER_MODELS.get(layout.model, f"number {layout.model}")
        return f"has a colour model that cannot be read ({name}); save it as RGB"
    if layout.model == CMYK and layout.inks != _CMYK_INKS:
        return "is separated into inks other than CMYK; save it as RGB"
    if len(layout.bits) < layout.colours:
        return f"is damaged ({len(layout.bits)} samples for each pixel are too few); copy or export it again"
    if layout.model == PALETTE and layout.extras:
        return "has a palette and further channels, which cannot be read together; save it as RGB"
    return None


def _compression_refusal(layout: SampleLayout) -> str | None:
    if layout.compression not in _COMPRESSIONS:
        name = _OTHER_COMPRESSIONS.get(layout.compression, f"method {layout.compression}")
        return f"is compressed by {name}, which cannot be read here; save it with Deflate or LZW"
    if layout.compression == _NEW_JPEG and set(layout.bits) != {8}:
        return f"is compressed by JPEG with {max(layout.bits)} bits per sample, which cannot be read; save it with 8"
    return None


def _sample_refusal(layout: SampleLayout) -> str | None:
    if len(set(layout.bits)) > 1 or len(set(layout.kinds)) > 1:
        return f"has channels of different depths or types; {_SAVE_DEPTH}"
    kind, depth = layout.kinds[0], layout.bits[0]
    if kind not in (UNSIGNED, SIGNED, FLOAT):
        return f"has samples of type {kind} (undefined, complex numbers or unknown); {_SAVE_DEPTH}"
    if layout.model in (*_LABS, YCBCR, PALETTE) and kind == FLOAT:
        return f"has floating-point samples that are not RGB or grey; {_SAVE_DEPTH}"
    if kind == SIGNED and layout.model not in _LABS:
        return f"has signed samples (int{depth}), which do not say what is black and white; {_SAVE_DEPTH}, unsigned"
    if kind == FLOAT:
        readable = depth in (16, 32)
        return None if readable else f"has floating-point samples of {depth} bits; {_SAVE_DEPTH}, or as float32"
    if layout.model in _LABS and depth not in (8, 16):
        return f"has Lab samples of {depth} bits; {_SAVE_DEPTH}"
    if layout.model == YCBCR and depth != 8:
        return f"has YCbCr samples of {depth} bits; save it with 8, or as RGB"
    if layout.model == YCBCR and layout.compression != _NEW_JPEG and layout.subsampling == (4, 4):
        return "has one colour for 4 x 4 pixels, of which the library reads the last wrong; save it as RGB"
    return None if depth in _READABLE_DEPTHS else f"has {depth} bits per channel; {_SAVE_DEPTH}"
