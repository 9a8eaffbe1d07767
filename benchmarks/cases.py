"""A photo as what a masked network takes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from photo import photo_of_size

from amsr_deploy.image.arrays import as_batch
from amsr_deploy.mask import compute_mask
from amsr_deploy.metadata import Metadata
from amsr_deploy.runtime.backends.base import SelectionInputs
from amsr_deploy.runtime.selection import select, whole


@dataclass(frozen=True)
class Case:
    """A picture and what a masked network computes of it.

    Attributes:
        image: [1, 3, H, W] in [0, 1].
        selection: the network's other inputs.
        density: masked pixels (kept windows), in [0, 1].
    """

    image: NDArray[np.float32]
    selection: SelectionInputs
    density: float


def make_case(photo: Path, size: tuple[int, int], metadata: Metadata, everything: bool = False) -> Case:
    """Make a photo of about a size (width, height), whole windows, with its own mask or all of it masked."""
    multiple = metadata.size_multiple
    pixels = photo_of_size(photo, *(side // multiple * multiple for side in size))
    mask = np.ones(pixels.shape[:2], np.bool_) if everything else compute_mask(pixels, metadata.dilation).pixels
    selection = select(mask, metadata, metadata.threshold)
    image = as_batch(pixels)
    return Case(image, whole(selection, pixels), selection.density)
