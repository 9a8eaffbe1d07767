"""How pictures are written."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from amsr_deploy import image
from amsr_deploy.image import Picture


@dataclass(frozen=True)
class WriteOptions:
    """What the formats leave open.

    Attributes:
        quality: of lossy formats, 1 to 100; None is the format's default.
        lossless: lose nothing, where the format can.
        strip_metadata: leave out the colour profile, EXIF and the like.
        compression: of lossless formats: `fast`, or `small` files.
    """

    quality: int | None = None
    lossless: bool = False
    strip_metadata: bool = False
    compression: Literal["fast", "small"] = "fast"


def write(path: Path, picture: Picture, options: WriteOptions) -> None:
    """Write a picture; see `image.write`."""
    image.write(path, prepared(picture, options))


def prepared(picture: Picture, options: WriteOptions) -> Picture:
    """The picture without what is to be stripped."""
    return replace(picture, icc_profile=None, exif=None) if options.strip_metadata else picture
