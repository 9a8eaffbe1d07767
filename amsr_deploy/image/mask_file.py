"""Masks as pictures: drawn by hand, or to look at."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from amsr_deploy.errors import ImageError
from amsr_deploy.files import StrPath
from amsr_deploy.image.picture import Picture
from amsr_deploy.image.reading import read
from amsr_deploy.image.writing import open_strips

_GREY = Picture(np.zeros((1, 1, 3), np.float32), grey=True)
"""What a mask is stored like."""


def read_mask(path: StrPath, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Read a mask made by hand: a picture of any mode, white where the network shall work.

    Transparent counts as black, except where the picture has one colour only: then its shape is its alpha.

    Args:
        path: the mask.
        size: height and width of the picture that it is for.

    Returns:
        [H, W] bool.

    Raises:
        ImageError: see `read`; a mask of another size.
    """
    picture = read(path)
    if picture.size != size:
        (height, width), (mask_height, mask_width) = size, picture.size
        raise ImageError(
            f"mask {path} has {mask_width} x {mask_height} pixels, the picture {width} x {height}; make them equal"
        )
    white = picture.rgb.mean(axis=2)
    if picture.alpha is not None:
        visible = picture.rgb[picture.alpha > 0]
        one_colour = len(visible) > 0 and not picture.opaque and bool((visible == visible[0]).all())
        white = picture.alpha if one_colour else white * picture.alpha
    return np.asarray(white >= 0.5)


def write_mask(path: StrPath, mask: NDArray[np.bool_]) -> None:
    """Write a mask [H, W] as a grey picture, white where it is true; `read_mask` reads it back.

    Raises:
        ImageError: see `open_strips`.
    """
    with open_strips(path, _GREY, mask.shape) as writer:
        writer.write(np.broadcast_to(mask[..., None] * np.uint8(255), (*mask.shape, writer.channels)))
