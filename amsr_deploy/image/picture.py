"""The picture in memory, with what a file says of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from amsr_deploy.image import alpha as transparency
from amsr_deploy.image import exif, xmp
from amsr_deploy.image.place import GeoReference, Resolution
from amsr_deploy.image.texts import Text

_TINT = np.array([1, 0, 0.5], dtype=np.float32)


@dataclass(frozen=True)
class Metadata:
    """What a file says of a picture besides its pixels.

    Attributes:
        icc_profile: the colour profile, byte for byte as in the file.
        exif: EXIF data without thumbnail, for an upright picture of this size.
        colour: chunks of PNG that describe colour (gAMA, cHRM, sRGB, cICP, mDCV, cLLI), by name.
        resolution: pixels for each unit of length.
        geo: where on the earth the pixels lie.
        xmp: XMP for an upright picture of this size.
        iptc: IPTC data, which tells nothing of pixels.
        texts: of PNG, and the comment of a JPEG.
        jpeg_quality: 1 (worst) to 100; None where it was not read from a JPEG.
    """

    icc_profile: bytes | None = None
    exif: bytes | None = None
    colour: tuple[tuple[bytes, bytes], ...] = ()
    resolution: Resolution | None = None
    geo: GeoReference | None = None
    xmp: bytes | None = None
    iptc: bytes | None = None
    texts: tuple[Text, ...] = ()
    jpeg_quality: int | None = None

    def scaled(self, before: tuple[int, int], after: tuple[int, int]) -> Metadata:
        """Describe the same picture with another height and width.

        Printed size and place on the earth stay; there are more pixels for each inch, and fewer metres for each pixel.
        """
        vertical, horizontal = (new / old for new, old in zip(after, before, strict=True))
        factors = horizontal, vertical
        return replace(
            self,
            exif=self.exif and exif.scaled(self.exif, after, factors),
            resolution=self.resolution and self.resolution.scaled(factors),
            geo=self.geo and self.geo.scaled(factors),
            xmp=self.xmp and xmp.scaled(self.xmp, after, factors),
        )


@dataclass(frozen=True)
class Picture:
    """A picture, upright, with what is needed to write it back the way it came.

    Attributes:
        rgb: [H, W, 3] float32 in [0, 1], not premultiplied; three equal channels where the picture is grey.
        alpha: [H, W] float32 in [0, 1], 1 = opaque; None where the picture has none.
        grey: whether it is stored with one channel.
        bits: depth of a channel in the file.
        metadata: what the file says besides.
    """

    rgb: NDArray[np.float32]
    alpha: NDArray[np.float32] | None = None
    grey: bool = False
    bits: Literal[8, 16] = 8
    metadata: Metadata = field(default_factory=Metadata)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        height, width = self.rgb.shape[:2]
        return height, width

    @cached_property
    def visible(self) -> NDArray[np.float32]:
        """Colours [H, W, 3] as masks and networks see them: those that cannot be seen are of visible pixels nearby."""
        return self.rgb if self.alpha is None else transparency.fill(self.rgb, self.alpha)

    @property
    def opaque(self) -> bool:
        """Whether nothing shines through."""
        return self.alpha is None or bool(self.alpha.min() >= 1)


def overlay(picture: Picture, mask: NDArray[np.bool_]) -> Picture:
    """Tint the picture where the mask [H, W] is true; the result is in colour."""
    rgb = np.where(mask[..., None], (picture.rgb + _TINT) / 2, picture.rgb)
    metadata = replace(picture.metadata, icc_profile=None) if picture.grey else picture.metadata
    return replace(picture, rgb=rgb, grey=False, metadata=metadata)
