"""From picture files to HR pictures and their LR versions, as training and evaluation make them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from amsr_deploy import image
from amsr_deploy.errors import FileError
from amsr_deploy.files import is_special
from amsr_deploy.image.arrays import from_float


def picture_paths(folder: Path) -> list[Path]:
    """List the pictures directly in a folder, by name; pipes and the like are none.

    Raises:
        FileError: there is no such folder, or no picture in it.
    """
    if not folder.exists():
        raise FileError(f"{folder} does not exist; check the name")
    if not folder.is_dir():
        raise FileError(f"{folder} is not a folder; give a folder of pictures")
    paths = sorted(path for path in folder.iterdir() if image.named_format(path) and not is_special(path))
    if not paths:
        raise FileError(f"{folder} holds no picture; give a folder of {', '.join(image.FORMATS)} files")
    return paths


def read_rgb(path: Path, content: bytes | None = None) -> Image.Image:
    """Read a picture file, upright, in 8-bit RGB without transparency.

    Args:
        path: the file.
        content: its bytes, where they have been read already.

    Raises:
        ImageError: a file that is missing or damaged.
    """
    return Image.fromarray(from_float(image.read(path, content).rgb, np.dtype(np.uint8)))


def crop_to_scale(picture: Image.Image, scale: int) -> Image.Image:
    """Crop a picture to the upper left part whose sides are multiples of the scale."""
    return picture.crop((0, 0, picture.width // scale * scale, picture.height // scale * scale))


def reduce_to_width(picture: Image.Image, width: int) -> Image.Image:
    """Reduce a picture to a width by Pillow's antialiased bicubic; its shape stays."""
    return picture.resize((width, round(picture.height * width / picture.width)), Image.Resampling.BICUBIC)


def low_resolution(picture: Image.Image, scale: int) -> Image.Image:
    """Reduce a picture, its sides multiples of the scale, by Pillow's antialiased bicubic."""
    return picture.resize((picture.width // scale, picture.height // scale), Image.Resampling.BICUBIC)
