"""The photo on which exports and engines are compared."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from amsr_deploy.image.arrays import to_float

SAMPLE = Path(__file__).with_name("sample.png")
"""A photo of 96 x 64 pixels: part of "Perched osprey" from budgie-backgrounds, CC0."""


def read_sample() -> NDArray[np.float32]:
    """Read the photo, [64, 96, 3] in [0, 1]."""
    with Image.open(SAMPLE) as file:
        return to_float(np.asarray(file.convert("RGB")))
