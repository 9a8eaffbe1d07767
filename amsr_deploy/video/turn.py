"""How frames are turned and mirrored when they are shown, as cameras that were held upright tell."""

from __future__ import annotations

from dataclasses import dataclass

import av
import numpy as np
from numpy.typing import NDArray

from amsr_deploy.runtime.tiles import Size
from amsr_deploy.video.hdr import side_data


@dataclass(frozen=True)
class Turn:
    """What a display matrix does, in steps of 90 degrees.

    Attributes:
        exchanges: whether rows become columns.
        rows: the order in which what is shown has its rows, 1 or -1.
        columns: the same of its columns.
    """

    exchanges: bool
    rows: int
    columns: int

    @classmethod
    def of(cls, frame: av.VideoFrame) -> Turn:
        """Read the matrix of a frame, which stays as it is where there is none."""
        matrix = side_data(frame, "DISPLAYMATRIX")
        if matrix is None:
            return cls(False, 1, 1)
        (a, b), (c, d) = np.frombuffer(matrix, np.int32).reshape(3, 3)[:2, :2].tolist()
        exchanges = abs(b) > abs(a)
        rows, columns = (b, c) if exchanges else (d, a)
        return cls(exchanges, -1 if rows < 0 else 1, -1 if columns < 0 else 1)

    def size(self, size: Size) -> Size:
        """Return height and width as shown, of those of the frame, or the other way round."""
        return size[::-1] if self.exchanges else size

    def undone(self, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Turn a mask [H, W] of what is shown to one of the frame."""
        mask = mask[:: self.rows, :: self.columns]
        return mask.T if self.exchanges else mask
