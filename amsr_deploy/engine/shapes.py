"""Sizes of pictures that an engine is built for, and the shapes of its inputs that follow."""

from __future__ import annotations

from dataclasses import dataclass

from amsr_deploy.errors import UserError
from amsr_deploy.metadata import SELECTIONS, Metadata
from amsr_deploy.runtime.backends.tensorrt.sidecar import Profile
from amsr_deploy.runtime.tiles import Size

SMALLEST, OPTIMAL, LARGEST = (8, 8), (272, 480), (1088, 1920)
"""Defaults: what a picture of one pixel becomes with its reflected border, a typical picture, and one of 1080 lines."""
MOST_VALUES = 2**31 - 1
"""TensorRT counts the values of a tensor in 31 bits."""
TYPICAL_SHARE = {"pixels": 0.35, "windows": 0.5}
"""Density that engines are tuned for, by kind of body: that of photos at the default dilations."""


@dataclass(frozen=True)
class Sizes:
    """Sizes of the input `image`, in LR pixels."""

    smallest: Size
    optimal: Size
    largest: Size

    def __str__(self) -> str:
        return f"{format_size(self.smallest)}-{format_size(self.largest)}"


def format_size(size: Size) -> str:
    """Write a size as HxW."""
    return "{}x{}".format(*size)


def make_sizes(smallest: Size | None, optimal: Size | None, largest: Size | None, metadata: Metadata) -> Sizes:
    """Make sizes of the given ones, and of defaults that fit them.

    Args:
        smallest: smallest size; None is the default, and so for the others.
        optimal: the size that the engine is tuned for.
        largest: largest size.
        metadata: of the model.

    Raises:
        UserError: sizes out of order, too large, or that do not fit the model's multiple.
    """
    multiple = metadata.size_multiple
    for size in filter(None, (smallest, optimal, largest)):
        if 0 in size or size[0] % multiple or size[1] % multiple:
            raise UserError(f"shape {format_size(size)}: this model takes positive multiples of {multiple}")
    least = smallest or _least(SMALLEST, optimal or largest or SMALLEST)
    most = largest or _most(LARGEST, optimal or least)
    best = optimal or _most(_least(OPTIMAL, most), least)
    if not all(low <= middle <= high for low, middle, high in zip(least, best, most, strict=True)):
        raise UserError(
            f"shapes {format_size(least)} (min), {format_size(best)} (opt), {format_size(most)} (max) "
            "are out of order; give `min_shape` <= `opt_shape` <= `max_shape` in height and in width"
        )
    most_pixels = MOST_VALUES // max(3 * metadata.scale**2, metadata.values_per_pixel)
    if most[0] * most[1] > most_pixels:
        raise UserError(
            f"shape {format_size(most)} has more than {most_pixels} pixels, the most that TensorRT takes; give less"
        )
    return Sizes(least, best, most)


def make_profile(metadata: Metadata, sizes: Sizes) -> Profile:
    """Make the shapes of all inputs: selections reach from nothing to everything."""
    profile: Profile = {"image": ((1, 3, *sizes.smallest), (1, 3, *sizes.optimal), (1, 3, *sizes.largest))}
    if metadata.masked:
        unit = metadata.window_size**2
        optimal, largest = (height * width // unit for height, width in (sizes.optimal, sizes.largest))
        typical = round(TYPICAL_SHARE[metadata.body] * optimal)
        profile |= dict.fromkeys(SELECTIONS[metadata.body], ((0,), (typical,), (largest,)))
    return profile


def _least(first: Size, second: Size) -> Size:
    return min(first[0], second[0]), min(first[1], second[1])


def _most(first: Size, second: Size) -> Size:
    return max(first[0], second[0]), max(first[1], second[1])
