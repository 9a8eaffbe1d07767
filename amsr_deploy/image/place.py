"""Where on the earth a picture lies and how large it is printed, when it is turned and resized."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from amsr_deploy.image.orientation import swaps_axes

PIXEL_SCALE, TIE_POINTS, TRANSFORMATION, GEO_KEYS = 33550, 33922, 34264, 34735
GEO_TAGS = (PIXEL_SCALE, TIE_POINTS, TRANSFORMATION, GEO_KEYS, 34736, 34737)
"""Tags of GeoTIFF; the last two are parameters of the keys."""
_RASTER_TYPE_KEY, _PIXEL_IS_POINT = 1025, 2

Factors = tuple[float, float]
"""New pixels for each old one, horizontally and vertically."""


@dataclass(frozen=True)
class Resolution:
    """Pixels for each unit of length; without a unit only the ratio of the two means something."""

    x: float
    y: float
    unit: Literal["m", "cm", "inch"] | None

    @classmethod
    def of(cls, x: float, y: float, unit: Literal["m", "cm", "inch"] | None) -> Resolution | None:
        """Return a resolution, or None where the values say nothing."""
        says_something = x > 0 and y > 0 and (unit is not None or x != y)
        return cls(x, y, unit) if says_something else None

    def scaled(self, factors: Factors) -> Resolution:
        """Keep the printed size with other numbers of pixels."""
        return replace(self, x=self.x * factors[0], y=self.y * factors[1])

    def turned(self, orientation: int) -> Resolution:
        """Exchange the axes where an EXIF orientation does."""
        return replace(self, x=self.y, y=self.x) if swaps_axes(orientation) else self

    def per(self, unit: Literal["m", "cm", "inch"]) -> tuple[float, float]:
        """Convert to another unit; without a unit the numbers stay as they are."""
        metres = {"m": 1.0, "cm": 0.01, "inch": 0.0254}
        factor = metres[unit] / metres[self.unit or unit]
        return self.x * factor, self.y * factor


@dataclass(frozen=True)
class GeoReference:
    """The tags of a GeoTIFF that tie pixels to the earth, by number."""

    tags: Mapping[int, Any]

    def scaled(self, factors: Factors) -> GeoReference:
        """Keep the place of the picture with other numbers of pixels."""
        tags = dict(self.tags)
        # Coordinates are those of corners, or of centres where a key says so: these move by half a pixel.
        shift = np.array([0.5, 0.5]) if self._counts_from_centres() else np.zeros(2)
        scale = np.array(factors)
        if PIXEL_SCALE in tags:
            sizes = np.array(tags[PIXEL_SCALE], dtype=float)
            sizes[:2] /= scale
            tags[PIXEL_SCALE] = tuple(sizes.tolist())
        if TIE_POINTS in tags:
            points = np.array(tags[TIE_POINTS], dtype=float).reshape(-1, 6)
            points[:, :2] = (points[:, :2] + shift) * scale - shift
            tags[TIE_POINTS] = tuple(points.ravel().tolist())
        if TRANSFORMATION in tags:
            matrix = np.array(tags[TRANSFORMATION], dtype=float).reshape(4, 4)
            matrix[:, 3] += matrix[:, :2] @ (shift / scale - shift)
            matrix[:, :2] /= scale
            tags[TRANSFORMATION] = tuple(matrix.ravel().tolist())
        return GeoReference(tags)

    def _counts_from_centres(self) -> bool:
        keys = np.array(self.tags.get(GEO_KEYS, ()), dtype=int)
        entries = keys[4 : len(keys) // 4 * 4].reshape(-1, 4)
        return any(key == _RASTER_TYPE_KEY and value == _PIXEL_IS_POINT for key, _, _, value in entries)
