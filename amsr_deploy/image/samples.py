"""Samples as files hold them, and pictures of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from amsr_deploy.image import alpha as transparency
from amsr_deploy.image.arrays import Element, from_float, white
from amsr_deploy.image.orientation import changes_pixels, turned
from amsr_deploy.image.picture import Metadata, Picture

Samples = NDArray[np.uint8] | NDArray[np.uint16]

_STRIP_ROWS = 256


def sample_type(bits: int) -> np.dtype[Any]:
    """Return the type of samples of 8 or 16 bits."""
    return np.dtype(np.uint16 if bits == 16 else np.uint8)


def to_unit(samples: NDArray[Any]) -> NDArray[np.float32]:
    """Return integers as float32 in [0, 1]; floating point stays."""
    unit = samples.astype(np.float32, order="C")
    unit /= np.float32(white(samples.dtype))
    return unit


def to_picture(samples: NDArray[Any], metadata: Metadata, premultiplied: bool = False) -> Picture:
    """Make a picture of samples.

    Args:
        samples: [H, W] or [H, W, C] uint8, uint16, or floating point in [0, 1]; C: grey, grey + alpha, RGB,
            RGB + alpha.
        metadata: what belongs to it.
        premultiplied: whether the colours are multiplied by alpha.
    """
    samples = samples if samples.ndim == 3 else samples[..., None]
    channels = samples.shape[2]
    grey = channels <= 2
    picture = Picture(
        rgb=to_unit(samples[..., :1]).repeat(3, axis=2) if grey else to_unit(samples[..., :3]),
        alpha=to_unit(samples[..., -1]) if channels in (2, 4) else None,
        grey=grey,
        bits=8 if samples.dtype == np.uint8 else 16,
        metadata=metadata,
    )
    if premultiplied and picture.alpha is not None:
        picture = replace(picture, rgb=np.minimum(transparency.unpremultiply(picture.rgb, picture.alpha), 1))
    return picture


def turn(picture: Picture, orientation: int) -> Picture:
    """Apply an EXIF orientation to pixels and resolution."""
    if not changes_pixels(orientation):
        return picture
    alpha, resolution = picture.alpha, picture.metadata.resolution
    return replace(
        picture,
        rgb=np.ascontiguousarray(turned(picture.rgb, orientation)),
        alpha=None if alpha is None else np.ascontiguousarray(turned(alpha, orientation)),
        metadata=replace(picture.metadata, resolution=resolution and resolution.turned(orientation)),
    )


def channel_count(picture: Picture, grey: bool) -> int:
    """Count the channels of a file that may hold grey as one."""
    return (1 if picture.grey and grey else 3) + (picture.alpha is not None)


def stored_colours(pixels: NDArray[Element], channels: int) -> NDArray[Element]:
    """Return of pixels [H, W, 3] what a file of so many channels holds: one of three equal ones, or all."""
    return pixels[..., : 1 if channels <= 2 else 3]


def sample_strips(picture: Picture, bits: int, channels: int) -> Iterator[Samples]:
    """Yield strips [h, W, C] of a picture's rounded samples, from the top; so a second whole picture is spared.

    Args:
        picture: the picture.
        bits: 8 or 16.
        channels: 1 (grey), 2 (grey, alpha), 3 (RGB) or 4 (RGB, alpha).
    """
    dtype = sample_type(bits)
    for top in range(0, picture.size[0], _STRIP_ROWS):
        rows = slice(top, top + _STRIP_ROWS)
        planes = [stored_colours(picture.rgb[rows], channels)]
        if picture.alpha is not None and channels in (2, 4):
            planes.append(picture.alpha[rows, :, None])
        yield np.concatenate([from_float(np.clip(plane, 0, 1), dtype) for plane in planes], axis=2)
