"""Pillow's images as pictures, and back."""

from __future__ import annotations

import numpy as np
from PIL import Image

from amsr_deploy.errors import UserError
from amsr_deploy.image.picture import Metadata, Picture
from amsr_deploy.image.samples import Samples


def from_pillow(image: Image.Image) -> Picture:
    """Take the pixels, transparency and colour profile of an image in memory, as they are: not turned by its EXIF.

    Raises:
        UserError: no pixels, or samples of more than 8 bits that are not grey with 16.
    """
    if 0 in image.size:
        raise UserError(f"a picture must have pixels; this one is {image.width}x{image.height}")
    if image.mode in ("I", "F"):
        raise UserError(f"a Pillow image of mode {image.mode} has no range; convert it to L, RGB or I;16")
    metadata = Metadata(icc_profile=None if image.mode == "CMYK" else image.info.get("icc_profile"))
    if image.mode.startswith("I;16"):
        grey = np.asarray(image).astype(np.float32) / np.float32(65535)
        return Picture(np.repeat(grey[..., None], 3, axis=2), grey=True, bits=16, metadata=metadata)
    is_grey = image.mode in ("1", "L", "LA", "La")
    mode = "L" if is_grey else "RGB"
    samples = np.asarray(image.convert(mode + "A" if image.has_transparency_data else mode))
    pixels = samples.reshape(*samples.shape[:2], -1).astype(np.float32) / np.float32(255)
    colour = np.repeat(pixels[..., :1], 3, axis=2) if is_grey else np.ascontiguousarray(pixels[..., :3])
    alpha = np.ascontiguousarray(pixels[..., -1]) if image.has_transparency_data else None
    return Picture(colour, alpha, is_grey, metadata=metadata)


def new_pillow(shape: tuple[int, int, int], bits: int) -> Image.Image:
    """Make an image for samples [H, W, C]: of 8 bits with grey, grey + alpha, RGB or RGB + alpha, of 16 with grey."""
    height, width, channels = shape
    mode = "I;16" if bits == 16 else ("L", "LA", "RGB", "RGBA")[channels - 1]
    return Image.new(mode, (width, height), None)


def paste(image: Image.Image, rows: Samples, top: int) -> None:
    """Put rows [h, W, C] of samples into an image, from the row `top`."""
    image.paste(Image.fromarray(rows if rows.shape[2] > 1 else rows[..., 0]), (0, top))
