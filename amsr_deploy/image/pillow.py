"""Pillow's images as pictures, and back."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.ExifTags import Base

from amsr_deploy.errors import UserError
from amsr_deploy.image.picture import Metadata, Picture
from amsr_deploy.image.samples import Samples, to_picture, turn


def from_pillow(image: Image.Image) -> Picture:
    """Take the pixels, transparency and colour profile of an image in memory, upright: turned as its EXIF says.

    Raises:
        UserError: no pixels, or samples of more than 8 bits that are not grey with 16.
    """
    if 0 in image.size:
        raise UserError(f"a picture must have pixels; this one is {image.width}x{image.height}")
    if image.mode in ("I", "F"):
        raise UserError(f"a Pillow image of mode {image.mode} has no range; convert it to L, RGB or I;16")
    metadata = Metadata(icc_profile=None if image.mode == "CMYK" else image.info.get("icc_profile"))
    samples = np.asarray(image) if image.mode.startswith("I;16") else stored_samples(image)
    return turn(to_picture(samples, metadata), _orientation(image))


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation of an image; 1, upright, where its EXIF is damaged."""
    try:
        return image.getexif().get(Base.Orientation, 1)
    except Exception:  # Pillow raises many types on damaged EXIF, which must not cost the picture
        return 1


def stored_samples(image: Image.Image) -> NDArray[np.uint8]:
    """Return the samples of an image of 8 bits as grey, grey + alpha, RGB or RGB + alpha."""
    mode = "L" if image.mode in ("1", "L", "LA", "La") else "RGB"
    if image.has_transparency_data:
        mode += "A"
    return np.asarray(image if image.mode == mode else image.convert(mode))


def new_pillow(shape: tuple[int, int, int], bits: int) -> Image.Image:
    """Make an image for samples [H, W, C]: of 8 bits with grey, grey + alpha, RGB or RGB + alpha, of 16 with grey."""
    height, width, channels = shape
    mode = "I;16" if bits == 16 else ("L", "LA", "RGB", "RGBA")[channels - 1]
    return Image.new(mode, (width, height), None)


def paste(image: Image.Image, rows: Samples, top: int) -> None:
    """Put rows [h, W, C] of samples into an image, from the row `top`."""
    image.paste(Image.fromarray(rows if rows.shape[2] > 1 else rows[..., 0]), (0, top))
