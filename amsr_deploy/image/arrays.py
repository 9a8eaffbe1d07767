"""Pictures as arrays: the types that callers use, and float32 as networks take it."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from amsr_deploy.errors import UserError

Element = TypeVar("Element", bound=np.generic)


def check_picture(image: object) -> None:
    """Raise UserError unless this is an array [H, W, 3] of a picture's type; its values are not looked at."""
    if not isinstance(image, np.ndarray):
        raise UserError(f"a picture must be an array [height, width, 3], not a {type(image).__name__}")
    if isinstance(image, np.ma.MaskedArray):
        raise UserError("a picture must be no masked array; fill it first: image.filled(...)")
    if image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise UserError(f"a picture must be an array [height, width, 3]; this one has the shape {image.shape}")
    if image.dtype not in (np.uint8, np.uint16) and not np.issubdtype(image.dtype, np.floating):
        raise UserError(f"a picture must be uint8, uint16 or float in [0, 1], not {image.dtype}")


def to_float(image: NDArray[np.generic]) -> NDArray[np.float32]:
    """Convert a picture [H, W, 3], uint8, uint16 or floating point in [0, 1], to float32 in [0, 1].

    Raises:
        UserError: another shape, type or range.
    """
    check_picture(image)
    scaled = image.astype(np.float32) / np.float32(white(image.dtype))
    if not (scaled.min() >= 0 and scaled.max() <= 1):
        raise UserError(
            f"a float picture must be in [0, 1]; this one spans {scaled.min():.8g} to {scaled.max():.8g}; "
            "divide it by its white, such as 255, or clip it"
        )
    return scaled


def from_float(image: NDArray[np.float32], dtype: np.dtype[Element]) -> NDArray[Element]:
    """Convert a picture in [0, 1] to the given type: the inverse of `to_float`."""
    scaled = image * np.float32(white(dtype))
    return (scaled if np.issubdtype(dtype, np.floating) else np.rint(scaled, out=scaled)).astype(dtype)


def as_batch(image: NDArray[Element]) -> NDArray[Element]:
    """Rearrange a picture [H, W, C] as networks take it: [1, C, H, W], contiguous."""
    return np.ascontiguousarray(image.transpose(2, 0, 1)[None])


def is_grey(picture: NDArray[np.float32]) -> bool:
    """Tell whether a picture [H, W, 3] has no colour."""
    return all(bool((row == row[:, :1]).all()) for row in picture)


def white(dtype: np.dtype[np.generic]) -> int:
    """Return the value of white in a type of picture."""
    return {"uint8": 255, "uint16": 65535}.get(dtype.name, 1)
