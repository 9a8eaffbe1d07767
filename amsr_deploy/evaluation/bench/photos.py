"""The LR pictures that are upscaled: photos of one width, reduced as evaluation does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from amsr_deploy.errors import ImageError, UserError
from amsr_deploy.image.arrays import to_float
from amsr_deploy.image.pairs import crop_to_scale, low_resolution, picture_paths, read_rgb, reduce_to_width

SMALLEST_WIDTH = 128
"""HR pixels: less would time the calls, not the networks."""
SMALLEST_SIDE = 4
"""LR pixels."""


@dataclass(frozen=True)
class Photo:
    """A photo [H, W, 3] float32 in [0, 1], low resolution."""

    name: str
    pixels: NDArray[np.float32]

    def cropped(self, multiple: int) -> NDArray[np.float32]:
        """Crop the upper left part whose sides are multiples of a number."""
        height, width = (side // multiple * multiple for side in self.pixels.shape[:2])
        return self.pixels[:height, :width]


def read_photos(
    folders: Sequence[Path], width: int, scale: int, count: int | None, fail: Callable[[Exception], object]
) -> list[Photo]:
    """Read the photos of some folders, reduced to a width and then by the scale.

    Args:
        folders: of HR pictures.
        width: of the HR pictures, in pixels; wider ones are reduced to it. 0 leaves all as they are.
        scale: by which they are reduced then.
        count: most pictures of each folder, the first by name; None is all.
        fail: takes the error of each picture that cannot be used.

    Raises:
        FileError: no folder, or no picture in it.
        UserError: too small a width.
        ImageError: no picture can be used.
    """
    if width != 0 and width < SMALLEST_WIDTH:
        raise UserError(f"width {width} is too small to time; use {SMALLEST_WIDTH} or more")
    photos = []
    for path in (path for folder in folders for path in picture_paths(folder)[:count]):
        try:
            photos.append(Photo(path.name, read_photo(path, width, scale)))
        except ImageError as error:
            fail(error)
    if not photos:
        raise ImageError("no picture can be measured")
    return photos


def read_photo(path: Path, width: int, scale: int) -> NDArray[np.float32]:
    """Read a photo [H, W, 3] in [0, 1], reduced to a width unless that is 0, and then by the scale.

    Raises:
        ImageError: a picture that cannot be read or is too small.
    """
    picture = read_rgb(path)
    if picture.width < width:
        raise ImageError(f"{path} is {picture.width} pixels wide; give pictures of {width} or more, or another `width`")
    reduced = crop_to_scale(reduce_to_width(picture, width) if width else picture, scale)
    if min(reduced.size) < SMALLEST_SIDE * scale:
        raise ImageError(f"{path} would have {reduced.width}x{reduced.height} pixels; give a larger picture")
    return to_float(np.asarray(low_resolution(reduced, scale)))
