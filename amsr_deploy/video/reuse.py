"""How much may be kept of earlier frames, and in which tiles."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from amsr_deploy.errors import UserError
from amsr_deploy.image.arrays import white
from amsr_deploy.numeric import is_number, is_whole
from amsr_deploy.runtime.checks import check_flag

TILE = 16
"""Default side of a tile in LR pixels, where tiles that changed are joined; as measured: docs/video.md."""
EXACT_TILE = 8
"""The same without a tolerance, where no tile is compared on its own."""
LONE_TILE = 32
"""Default side of a tile where each is a call of its own, and overlaps with all others."""
TOLERANCE = 3
"""Default tolerance, of 255, as measured: docs/video.md."""
SMALLEST_TILE = 8
SEEN_SHARE = 1 / 3
"""Share of the halo that counts where the tolerance is not 0: what is further away changes next to nothing."""


@dataclass(frozen=True)
class Reuse:
    """What a user asked for.

    Attributes:
        wanted_tolerance: largest difference of a value, of 255, for which a tile is kept.
        wanted_tile: side of a tile in LR pixels; None is the default.
        is_on: False computes all tiles of all frames.
    """

    wanted_tolerance: float = TOLERANCE
    wanted_tile: int | None = None
    is_on: bool = True

    def check(self) -> None:
        """Raise UserError for what is out of its range."""
        check_flag("reuse", self.is_on)
        tolerance, tile = self.wanted_tolerance, self.wanted_tile
        if not is_number(tolerance) or not 0 <= tolerance < 255:
            raise UserError(f"`tolerance` {tolerance!r} is out of range; use 0 (exact) to 254")
        if tile is not None and (not is_whole(tile) or tile < SMALLEST_TILE or tile % SMALLEST_TILE):
            raise UserError(f"`tile` {tile!r} is no side of a tile; use a multiple of {SMALLEST_TILE}")

    @property
    def tolerance(self) -> float:
        """Largest difference of a value, of 255, for which a tile is kept; 0 without reuse."""
        return self.wanted_tolerance if self.is_on else 0

    def tolerance_of(self, dtype: np.dtype[np.generic]) -> float:
        """Return the tolerance in units of a type of picture."""
        tolerance = self.tolerance * white(dtype) / 255
        return tolerance if np.issubdtype(dtype, np.floating) else math.floor(tolerance)

    def tile(self, is_local: bool) -> int:
        """Choose the side of a tile, where a pixel's result depends on nothing beside its halo, or else does."""
        default = (TILE if self.tolerance else EXACT_TILE) if is_local else LONE_TILE
        return self.wanted_tile or default

    def halo(self, whole: int) -> int:
        """Choose how many pixels around a tile count, of those that the network sees."""
        return math.ceil(whole * SEEN_SHARE) if self.tolerance else whole
