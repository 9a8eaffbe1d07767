"""Pillow's images as pictures, and back."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.ExifTags import Base

from amsr_deploy.errors import UserError
from amsr_deploy.image.arrays import white
from amsr_deploy.image.picture import Metadata, Picture
from amsr_deploy.image.samples import Samples, to_picture, turn

_log = logging.getLogger(__name__)


def from_pillow(image: Image.Image) -> Picture:
    """Take the pixels, transparency and colour profile of an image in memory, upright: turned as its EXIF says.

    Raises:
        UserError: no pixels, or samples of more than 8 bits that are not grey with 16.
    """
    if 0 in image.size:
        raise UserError(f"a picture must have pixels; this one is {image.width}x{image.height}")
    if image.mode in ("I", "F"):
        raise UserError(f"a Pillow image of mode {image.mode} has no range; convert it to L, RGB or I;16")
    metadata = Metadata(icc_profile=None if image.mode in ("CMYK", "LAB") else image.info.get("icc_profile"))
    deep = image.mode.startswith("I;16")
    samples = _deep_samples(image) if deep else stored_samples(image, partial(_log.warning, "a Pillow image: %s"))
    return turn(replace(to_picture(samples, metadata), bits=16 if deep else 8), _orientation(image))


def _deep_samples(image: Image.Image) -> NDArray[np.uint16]:
    """Return grey samples of 16 bits, with alpha where one of their values is transparent."""
    grey = np.asarray(image)
    if not image.has_transparency_data:
        return grey
    opaque = np.uint16(white(grey.dtype))
    return np.stack([grey, (grey != image.info["transparency"]) * opaque], axis=2)


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation of an image; 1, upright, where its EXIF is damaged."""
    try:
        return image.getexif().get(Base.Orientation, 1)
    except Exception:  # Pillow raises many types on damaged EXIF, which must not cost the picture
        return 1


def stored_samples(image: Image.Image, warn: Callable[[str], object]) -> NDArray[Any]:
    """Return the samples of an image of 8 bits as grey, grey + alpha, RGB or RGB + alpha; CMYK and Lab become sRGB.

    Args:
        image: its mode is none of those with more bits.
        warn: is told of a profile that cannot be used.
    """
    if image.mode in ("CMYK", "LAB"):
        from amsr_deploy.image import cmyk_lab  # here, because few pictures need it

        if image.mode == "CMYK":
            return np.asarray(cmyk_lab.cmyk_to_srgb(image, warn))
        return cmyk_lab.lab_to_srgb(cmyk_lab.decode_lab(np.asarray(image), signed=True))
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
