"""Alpha around an upscaling: no fringe from colour that cannot be seen, no veil over what was opaque."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def fill(rgb: NDArray[np.float32], alpha: NDArray[np.float32]) -> NDArray[np.float32]:
    """Give wholly transparent pixels the mean colour, weighted by alpha, of the visible ones nearest to them.

    Args:
        rgb: [H, W, 3] float32 in [0, 1], not premultiplied.
        alpha: [H, W] float32 in [0, 1].

    Returns:
        [H, W, 3]; unchanged where alpha > 0, black where the whole picture is transparent.
    """
    return rgb if (alpha > 0).all() else _filled(rgb, rgb * alpha[..., None], alpha)


def _filled(
    colour: NDArray[np.float32], premultiplied: NDArray[np.float32], alpha: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Keep the colours of pixels with alpha > 0; the others take theirs from the picture of half the size."""
    hidden = alpha <= 0
    if hidden.all():
        return np.zeros_like(colour)
    if not hidden.any():
        return colour
    half, half_alpha = _halve(premultiplied), _halve(alpha[..., None])[..., 0]
    coarse = _filled(unpremultiply(half, half_alpha), half, half_alpha)
    filled, (height, width) = colour.copy(), alpha.shape
    for channel in range(3):
        plane = Image.fromarray(coarse[..., channel]).resize((width, height), Image.Resampling.BILINEAR)
        np.copyto(filled[..., channel], np.asarray(plane), where=hidden)
    return filled


def _halve(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Average 2 x 2 pixels of [H, W, C]; beyond odd sides there is nothing."""
    height, width, channels = pixels.shape
    if height % 2 or width % 2:
        pixels = np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)))
    return np.asarray(pixels.reshape((height + 1) // 2, 2, (width + 1) // 2, 2, channels).mean(axis=(1, 3)))


def unpremultiply(premultiplied: NDArray[np.float32], alpha: NDArray[np.float32]) -> NDArray[np.float32]:
    """Divide colours [H, W, 3] by alpha [H, W]; 0 where that is 0."""
    weight = alpha[..., None]
    return np.divide(premultiplied, weight, out=np.zeros_like(premultiplied), where=weight > 0)


def limits(alpha: NDArray[np.float32], size: tuple[int, int]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Find between which values upscaled alpha must lie: those of the 3 x 3 pixels around it.

    So what is opaque or transparent on all sides stays exactly 1 or 0, whatever a network makes of it.

    Args:
        alpha: [H, W] float32.
        size: height and width after the upscaling.

    Returns:
        Lowest and highest values, each of that size.
    """
    low, high = neighborhood(alpha)
    return _enlarge(low, size), _enlarge(high, size)


def neighborhood(alpha: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Find the lowest and the highest value of the 3 x 3 pixels around each of [H, W]: two [H, W]."""
    return _over_neighbors(alpha, np.minimum), _over_neighbors(alpha, np.maximum)


def _over_neighbors(plane: NDArray[np.float32], extreme: np.ufunc) -> NDArray[np.float32]:
    """Find the minimum or maximum over 3 x 3 pixels."""
    padded = np.pad(plane, 1, mode="edge")
    rows = extreme(extreme(padded[:-2], padded[1:-1]), padded[2:])
    return np.asarray(extreme(extreme(rows[:, :-2], rows[:, 1:-1]), rows[:, 2:]))


def _enlarge(plane: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """Enlarge [H, W] to a size; each pixel takes the value of the one in which its centre lies."""
    rows, columns = (
        (2 * np.arange(large) + 1) * small // (2 * large) for large, small in zip(size, plane.shape, strict=True)
    )
    return plane.take(rows, axis=0).take(columns, axis=1)
