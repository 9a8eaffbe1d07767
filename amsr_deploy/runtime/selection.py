"""What a masked network works on: the mask as the network's selection inputs (design section 4)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from amsr_deploy.mask import kept_windows, pixel_index
from amsr_deploy.metadata import Metadata

Selection = dict[str, NDArray[np.int64]]


def select(mask: NDArray[np.bool_], metadata: Metadata, threshold: float) -> Selection:
    """The selection inputs for a mask [H, W], whose sides are multiples of the model's size multiple.

    Args:
        mask: true where the network works.
        metadata: of the model.
        threshold: share of masked pixels from which a window is kept; unused for bodies masked by pixels.
    """
    if metadata.body == "pixels":
        return {"index": pixel_index(mask)}
    window = metadata.window_size
    return {
        "windows": kept_windows(mask, window, threshold),
        "shifted_windows": kept_windows(mask, window, threshold, shift=window // 2),
    }


def density(selection: Selection, metadata: Metadata, pixels: int) -> float:
    """Share of the body that a selection computes: of masked pixels, or of kept windows (shifted and unshifted)."""
    selected = sum(len(positions) for positions in selection.values())
    return selected * metadata.window_size**2 / (len(selection) * pixels)
