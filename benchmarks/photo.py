"""Low-resolution pictures to measure on; `python benchmarks/photo.py PHOTO PNG` writes that of 4K at x4."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

SIZES = ((512, 270), (960, 540), (1920, 1080))
"""Width and height of the low-resolution pictures of 2K, 4K and 8K at x4."""


def photo_of_size(path: Path, width: int, height: int) -> NDArray[np.float32]:
    """Crop a photo to the aspect ratio and resize it, or repeat it by reflection where it is smaller.

    Returns:
        [height, width, 3] in [0, 1].
    """
    with Image.open(path) as picture:
        upright = ImageOps.exif_transpose(picture).convert("RGB")
    if upright.width >= width and upright.height >= height:
        upright = ImageOps.fit(upright, (width, height), Image.Resampling.BICUBIC)
    pixels = np.asarray(upright, dtype=np.float32) / np.float32(255)
    below, beside = (max(0, side - length) for side, length in zip((height, width), pixels.shape[:2], strict=True))
    return np.pad(pixels, ((0, below), (0, beside), (0, 0)), mode="symmetric")[:height, :width]


if __name__ == "__main__":
    source, target = map(Path, sys.argv[1:])
    pixels = photo_of_size(source, *SIZES[1])
    Image.fromarray((pixels * 255).round().astype(np.uint8)).save(target, optimize=True)
