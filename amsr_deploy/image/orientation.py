"""Orientations as EXIF counts them, 1 to 8: how pixels, points and sizes are turned and mirrored."""

from __future__ import annotations

from numpy.typing import NDArray

from amsr_deploy.image.arrays import Element

INVERSE = {1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 8, 7: 7, 8: 6}
"""All orientations, and which undoes each."""


def changes_pixels(orientation: int) -> bool:
    """Tell whether anything is turned or mirrored; numbers other than 1 to 8 mean nothing."""
    return orientation in range(2, 9)


def swaps_axes(orientation: int) -> bool:
    """Tell whether rows become columns, before anything is flipped."""
    return orientation in (5, 6, 7, 8)


def flips_columns(orientation: int) -> bool:
    """Tell whether left and right are exchanged."""
    return orientation in (2, 3, 6, 7)


def flips_rows(orientation: int) -> bool:
    """Tell whether top and bottom are exchanged."""
    return orientation in (3, 4, 7, 8)


def turned(pixels: NDArray[Element], orientation: int) -> NDArray[Element]:
    """Return a view of pixels [H, W, ...] in an orientation."""
    if swaps_axes(orientation):
        pixels = pixels.swapaxes(0, 1)
    if flips_columns(orientation):
        pixels = pixels[:, ::-1]
    if flips_rows(orientation):
        pixels = pixels[::-1]
    return pixels


def turned_size(size: tuple[int, int], orientation: int) -> tuple[int, int]:
    """Turn height and width."""
    return size[::-1] if swaps_axes(orientation) else size


def turned_point(point: tuple[float, float], orientation: int, size: tuple[int, int]) -> tuple[float, float]:
    """Turn a point with its picture.

    Args:
        point: x and y before.
        orientation: EXIF orientation, 1 to 8.
        size: height and width after.
    """
    x, y = reversed(point) if swaps_axes(orientation) else point
    height, width = size
    if flips_columns(orientation):
        x = width - 1 - x
    if flips_rows(orientation):
        y = height - 1 - y
    return x, y
