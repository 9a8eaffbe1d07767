"""Where a video is cut: where all of a picture becomes another one at once."""

from __future__ import annotations

import math
from collections import deque

import numpy as np
from numpy.typing import NDArray

BLOCKS = 8
"""Blocks along the longer side of a picture: so large that a pan of some pixels, or noise, changes them little."""
JUMP = 15 / 255
"""By how much more than before the colours of blocks change at a cut, as measured: docs/video.md."""
FRAMES_BEFORE = 3
"""How many of the changes before count: animations show each drawing two or three times."""


class CutDetector:
    """Finds the frames with which a scene begins.

    The change from one frame to the next is the mean difference of the colours of their blocks. At a cut it is much
    larger than it was before; in pans, zooms, fades and with a shaking camera it is not.
    """

    def __init__(self) -> None:
        self._last: NDArray[np.float32] | None = None
        self._changes: deque[float] = deque(maxlen=FRAMES_BEFORE)

    def begins_scene(self, picture: NDArray[np.float32]) -> bool:
        """Tell whether a scene begins with the next frame [H, W, 3] in [0, 1], as with the first one."""
        return self.jump(picture) > JUMP

    def jump(self, picture: NDArray[np.float32]) -> float:
        """Return by how much more the next frame changes than those before it did; the first one infinitely."""
        last, self._last = self._last, block_colours(picture)
        if last is None:
            return math.inf
        change, before = float(np.abs(self._last - last).mean()), max(self._changes, default=0)
        self._changes.append(change)
        return change - before


def block_colours(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the mean colours [rows, columns, 3] of nearly square blocks of a picture."""
    side = math.ceil(max(picture.shape[:2]) / BLOCKS)
    for axis in (0, 1):
        length = picture.shape[axis]
        count = max(round(length / side), 1)
        picture = np.stack([block.mean(axis) for block in np.array_split(picture, count, axis)], axis)
    return picture
