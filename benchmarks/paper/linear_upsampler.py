"""A linear upsampler learned by least squares: what flat areas need, for 25 multiplications a result.

Each LR pixel and its neighbours, 5 x 5 in all, are multiplied by one bank of filters, the same for all channels, which
gives the s x s HR pixels of the middle one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from amsr_deploy.errors import UserError

SIDE = 5
"""Of the neighbourhood, in LR pixels."""
_MIDDLE = SIDE**2 // 2
_OTHERS = np.delete(np.arange(SIDE**2), _MIDDLE)


@dataclass(frozen=True)
class LinearUpsampler:
    """A learned bank of filters.

    Attributes:
        scale: upscaling factor s.
        taps: [s * s, 25] float32; the taps of each filter add up to 1, so that a flat colour stays as it is.
    """

    scale: int
    taps: NDArray[np.float32]

    @property
    def macs(self) -> int:
        """Multiply-accumulates at one LR pixel, all channels."""
        return 3 * self.taps.size

    def upscale(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """Upscale [H, W, 3] float32 in [0, 1] -> [sH, sW, 3], clipped to [0, 1]."""
        height, width, channels = image.shape
        scale = self.scale
        result = np.empty((height, scale, width, scale, channels), dtype=np.float32)
        for channel, neighborhoods in enumerate(_neighborhoods(image)):
            filtered = neighborhoods.reshape(-1, SIDE**2) @ self.taps.T
            result[..., channel] = filtered.reshape(height, width, scale, scale).transpose(0, 2, 1, 3)
        return result.reshape(height * scale, width * scale, channels).clip(0, 1)


class LinearFit:
    """Least squares over the pixels of many pictures, which need not be in memory together."""

    def __init__(self, scale: int) -> None:
        self.scale = scale
        self._products = np.zeros((len(_OTHERS), len(_OTHERS)))
        self._targets = np.zeros((len(_OTHERS), scale**2))
        self._pixels = 0

    def add(self, lr: NDArray[np.float32], hr: NDArray[np.float32], where: NDArray[np.bool_]) -> None:
        """Take the chosen pixels of a picture into account.

        Args:
            lr: [H, W, 3] in [0, 1].
            hr: [sH, sW, 3] in [0, 1].
            where: [H, W] bool, the LR pixels to learn from.
        """
        scale, (height, width) = self.scale, lr.shape[:2]
        blocks = hr.reshape(height, scale, width, scale, 3).transpose(4, 0, 2, 1, 3)
        for neighborhoods, block in zip(_neighborhoods(lr), blocks, strict=True):
            chosen = neighborhoods[where].reshape(-1, SIDE**2).astype(np.float64)
            middle = chosen[:, _MIDDLE, None]
            differences = chosen[:, _OTHERS] - middle
            self._products += differences.T @ differences
            self._targets += differences.T @ (block[where].reshape(-1, scale**2) - middle)
        self._pixels += int(np.count_nonzero(where))

    def solve(self) -> LinearUpsampler:
        """Find the bank with the smallest square error on all pixels seen.

        Raises:
            UserError: no pixel was seen.
        """
        if not self._pixels:
            raise UserError("there is no pixel to learn from; give pictures with flat areas")
        others = np.linalg.lstsq(self._products, self._targets, rcond=None)[0].T
        taps = np.insert(others, _MIDDLE, 1 - others.sum(axis=1), axis=1)
        return LinearUpsampler(self.scale, taps.astype(np.float32))


def _neighborhoods(image: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    """Cut out the 5 x 5 neighbourhoods of each channel, reflected at the border: [H, W, 5, 5]."""
    radius = SIDE // 2
    padded = np.pad(image, ((radius, radius), (radius, radius), (0, 0)), mode="reflect")
    for channel in range(image.shape[2]):
        yield sliding_window_view(padded[..., channel], (SIDE, SIDE))
