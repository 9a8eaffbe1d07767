"""How exports and engines are compared: the photo, and the difference of what is made of it."""

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


def largest_difference(output: NDArray[np.floating], expected: NDArray[np.floating]) -> float:
    """Compute the largest difference, as a share of the output's range where that is more than [-1, 1]."""
    return float(np.abs(output - expected).max()) / max(1.0, float(np.abs(expected).max()))
