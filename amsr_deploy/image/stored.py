"""A picture as a file stores it, and how it becomes upright."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from PIL import Image
from PIL.ExifTags import Base

from amsr_deploy.image import exif, xmp
from amsr_deploy.image.orientation import changes_pixels
from amsr_deploy.image.picture import Picture
from amsr_deploy.image.samples import turn
from amsr_deploy.image.source import Source
from amsr_deploy.wording import first_line


@dataclass(frozen=True)
class Stored:
    """What a reader finds.

    Attributes:
        picture: not turned yet, without EXIF.
        load_exif: returns EXIF as it is in the file.
        turned: whether the decoder has applied the orientation.
    """

    picture: Picture
    load_exif: Callable[[], Image.Exif]
    turned: bool = False

    def upright(self, source: Source) -> Picture:
        """Apply the EXIF orientation, and take over EXIF and XMP; damaged ones cost only themselves, with a warning."""
        picture = self.picture
        orientation = 1
        try:
            source_exif = self.load_exif()
            orientation = source_exif.get(Base.Orientation, 1)
            if changes_pixels(orientation) and picture.metadata.geo is not None:
                source.warn("its place on the earth does not fit its orientation and is dropped")
                picture = replace(picture, metadata=replace(picture.metadata, geo=None))
            if not self.turned:
                picture = turn(picture, orientation)
            elif picture.metadata.resolution:
                resolution = picture.metadata.resolution.turned(orientation)
                picture = replace(picture, metadata=replace(picture.metadata, resolution=resolution))
            kept = exif.upright(source_exif, picture.size, orientation)
        except Exception as error:  # Pillow raises many types on damaged EXIF, which must not cost the picture
            source.warn(f"its EXIF data is damaged and dropped ({first_line(error)})")
            kept = None
        metadata = replace(picture.metadata, exif=kept, xmp=_upright_xmp(picture, orientation, source))
        return replace(picture, metadata=metadata)


def _upright_xmp(picture: Picture, orientation: int, source: Source) -> bytes | None:
    """Return the XMP of a picture that has been turned."""
    if not picture.metadata.xmp:
        return None
    try:
        return xmp.upright(picture.metadata.xmp, picture.size, orientation)
    except Exception as error:  # the parser raises many types on damaged XML
        source.warn(f"its XMP is damaged and dropped ({first_line(error)})")
        return None
