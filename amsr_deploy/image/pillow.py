"""Pillow's images as pictures, and back."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from amsr_deploy.errors import UserError
from amsr_deploy.image.picture import Metadata, Picture


def from_pillow(image: Image.Image) -> Picture:
    """Take the pixels, transparency and colour profile of an image in memory, as they are: not turned by its EXIF.

    Raises:
        UserError: samples of more than 8 bits that are not grey with 16.
    """
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


def to_pillow(picture: Picture) -> Image.Image:
    """Return a picture as an image in memory, of mode L, LA, RGB or RGBA with 8 bits; grey with 16 bits as I;16."""
    if picture.grey and picture.bits == 16 and picture.alpha is None:
        return Image.fromarray(_integers(picture.rgb[..., 0], 65535).astype(np.uint16))
    planes = [picture.rgb[..., :1] if picture.grey else picture.rgb]
    if picture.alpha is not None:
        planes.append(picture.alpha[..., None])
    samples = _integers(np.concatenate(planes, axis=2), 255).astype(np.uint8)
    image = Image.fromarray(samples if samples.shape[2] > 1 else samples[..., 0])
    if picture.metadata.icc_profile:
        image.info["icc_profile"] = picture.metadata.icc_profile
    return image


def _integers(samples: NDArray[np.float32], largest: int) -> NDArray[np.float32]:
    return np.rint(np.clip(samples, 0, 1) * np.float32(largest))
