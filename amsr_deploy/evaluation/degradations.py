"""From HR pictures to LR ones, as training and evaluation make them."""

from __future__ import annotations

from PIL import Image

from amsr_deploy.descriptor import SCALE


def crop_to_scale(picture: Image.Image) -> Image.Image:
    """The upper left part of a picture whose sides are multiples of the scale."""
    return picture.crop((0, 0, picture.width // SCALE * SCALE, picture.height // SCALE * SCALE))


def low_resolution(picture: Image.Image) -> Image.Image:
    """A picture, its sides multiples of the scale, reduced by Pillow's antialiased bicubic."""
    return picture.resize((picture.width // SCALE, picture.height // SCALE), Image.Resampling.BICUBIC)
