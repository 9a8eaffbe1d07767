"""The size of an upscaled picture: what was asked for, the model that is enough for it, the reduction to it."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from amsr_deploy.descriptor import SCALES
from amsr_deploy.errors import ImageError, UserError
from amsr_deploy.runtime.tiles import Size


@dataclass(frozen=True)
class Plan:
    """How a picture gets its size.

    Attributes:
        scale: of the model that upscales it.
        size: of the output.
        label: the output's size in file names, `x2` or `1920x1080` (width first).
        reduced: whether the output is smaller than what the model makes.
    """

    scale: int
    size: Size
    label: str
    reduced: bool

    @property
    def reduction(self) -> str | None:
        """What is done to the model's result, for users; None where it stays as it is."""
        return f"x{self.scale} result reduced to {self.label} by Lanczos" if self.reduced else None


@dataclass(frozen=True)
class OutputSize:
    """What a user asked for: one of these, or nothing, which is the result of the largest model as it is.

    Attributes:
        scale: upscaling factor.
        width: in pixels; the height follows from the picture's shape, as with the others.
        height: in pixels.
        megapixels: area in millions of pixels.
    """

    scale: int | None = None
    width: int | None = None
    height: int | None = None
    megapixels: float | None = None

    def __post_init__(self) -> None:
        """Raise UserError where more than one is given, or what is no size."""
        wanted = {name: value for name, value in vars(self).items() if value is not None}
        if len(wanted) > 1:
            raise UserError(f"{' and '.join(f'--{name}' for name in wanted)} set the size each; give one of them")
        if self.scale not in (None, *SCALES):
            raise UserError(f"scale {self.scale} is none of: {', '.join(map(str, SCALES))}")
        for name, value in wanted.items():
            if not 0 < value < math.inf:
                raise UserError(f"{name} {value} is no size; give a number above 0")

    @property
    def depends_on_picture(self) -> bool:
        """Whether each picture may need another model."""
        return any((self.width, self.height, self.megapixels))

    def label(self, scales: Collection[int]) -> str:
        """Name the size as file names do, where it depends on no picture."""
        return f"x{self.scale or max(scales)}"

    def models(self, scales: Collection[int]) -> list[int]:
        """List the scales of the models that pictures may need, of those that there are.

        Raises:
            UserError: none is enough.
        """
        if self.depends_on_picture:
            return sorted(scales)
        enough = [scale for scale in sorted(scales) if scale >= (self.scale or max(scales))]
        if not enough:
            most = max(scales)
            raise UserError(f"scale {self.scale} is larger than that of the model, {most}; give {most} or less")
        return enough[:1]

    def plan(self, source: str, picture: Size, scales: Collection[int]) -> Plan:
        """Decide what to do with a picture: use the smallest model that is enough.

        Args:
            source: its name for users.
            picture: its size.
            scales: of the models, one of which `models` names at least.

        Raises:
            ImageError: the picture has that size or is larger, or the models cannot make it as large.
        """
        size, most = self._size(picture, max(scales)), _times(picture, max(scales))
        if _is_within(size, picture):
            raise ImageError(f"{source} is {_show(picture)}: {_show(size)} would not enlarge it; ask for a larger size")
        if not _is_within(size, most):
            raise ImageError(
                f"{source} is {_show(picture)}: x{max(scales)}, the most there is, makes {_show(most)} of it, "
                f"not {_show(size)}; ask for a smaller size"
            )
        scale = min(scale for scale in scales if _is_within(size, _times(picture, scale)))
        label = _show(size) if self.depends_on_picture else self.label(scales)
        return Plan(scale, size, label, size != _times(picture, scale))

    def _size(self, picture: Size, largest: int) -> Size:
        """Compute height and width of the output."""
        height, width = picture
        if self.width is not None:
            return _rounded(height * self.width / width), self.width
        if self.height is not None:
            return self.height, _rounded(width * self.height / height)
        if self.megapixels is not None:
            factor = math.sqrt(self.megapixels * 1e6 / (height * width))
            return _rounded(height * factor), _rounded(width * factor)
        return _times(picture, self.scale or largest)


def reduce_to(pixels: NDArray[np.float32], size: Size) -> NDArray[np.float32]:
    """Reduce pixels [H, W, C] to a size by Lanczos over all pixels that a new one covers; edges may overshoot."""
    result = np.empty((*size, pixels.shape[2]), dtype=np.float32)
    for channel in range(pixels.shape[2]):
        plane = Image.fromarray(pixels[..., channel])  # of 32-bit floats, which Pillow keeps
        result[..., channel] = np.asarray(plane.resize((size[1], size[0]), Image.Resampling.LANCZOS))
    return result


def _rounded(side: float) -> int:
    return max(round(side), 1)


def _times(size: Size, scale: int) -> Size:
    return size[0] * scale, size[1] * scale


def _is_within(size: Size, other: Size) -> bool:
    return size[0] <= other[0] and size[1] <= other[1]


def _show(size: Size) -> str:
    return f"{size[1]}x{size[0]}"
