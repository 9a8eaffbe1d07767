"""How frames are turned and mirrored when they are shown, as cameras that were held upright tell."""

from __future__ import annotations

import av
import numpy as np

from amsr_deploy.video.hdr import side_data

_MIRRORED = {(False, False): 1, (False, True): 2, (True, True): 3, (True, False): 4}
"""EXIF orientations by whether rows and columns are in the opposite order."""


def orientation_of(frame: av.VideoFrame) -> int:
    """Read from a frame's display matrix how it is shown, as an EXIF orientation, 1 to 8."""
    matrix = side_data(frame, "DISPLAYMATRIX")
    if matrix is None:
        return 1
    (a, b), (c, d) = np.frombuffer(matrix, np.int32).reshape(3, 3)[:2, :2].tolist()
    swaps = abs(b) > abs(a)
    rows, columns = (b, c) if swaps else (d, a)
    return _MIRRORED[rows < 0, columns < 0] + 4 * swaps
