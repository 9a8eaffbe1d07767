"""LR pictures whose pixels differ from all around them: a network that has seen only photos can leave its range there.

What is reduced to such a picture is its nearest-neighbour enlargement.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from amsr_deploy.training.synthetic import SIDE, gradients, ink_and_paper

COUNT = 25
"""Pictures in all."""


def dithered_pictures() -> list[Image.Image]:
    """Draw COUNT pictures in RGB, SIDE / 4 LR pixels along each side, the same each time."""
    random = np.random.default_rng(0)
    kinds = (two_colours, switched_channels, grey_noise, coloured_noise, error_diffusion)
    return [kinds[number % len(kinds)](random, SIDE // 4) for number in range(COUNT)]


def two_colours(random: np.random.Generator, side: int) -> Image.Image:
    """Draw each square of one to four pixels in one of two colours, as printed codes do."""
    inked = squares(random, side, 1) < random.uniform(0.1, 0.9)
    return Image.fromarray(np.where(inked, *ink_and_paper(random)).astype(np.uint8))


def switched_channels(random: np.random.Generator, side: int) -> Image.Image:
    """Draw each channel of each square of one to four pixels as 0 or 255."""
    return Image.fromarray(np.where(squares(random, side, 3) < 0.5, 0, 255).astype(np.uint8))


def squares(random: np.random.Generator, side: int, channels: int) -> NDArray[np.float64]:
    """Draw a number for each square of one to four pixels, most often of one: [side, side, channels] in [0, 1)."""
    length = int(random.choice([1, 1, 1, 2, 3, 4]))
    count = -(-side // length)
    return random.random((count, count, channels)).repeat(length, 0).repeat(length, 1)[:side, :side]


def grey_noise(random: np.random.Generator, side: int) -> Image.Image:
    """Draw each pixel in a grey of its own."""
    return Image.fromarray(random.integers(0, 256, (side, side), np.uint8)).convert("RGB")


def coloured_noise(random: np.random.Generator, side: int) -> Image.Image:
    """Draw each pixel in a colour of its own."""
    return Image.fromarray(random.integers(0, 256, (side, side, 3), np.uint8))


def error_diffusion(random: np.random.Generator, side: int) -> Image.Image:
    """Dither gradients to black and white, as printers and old games do (Floyd and Steinberg)."""
    return gradients(random).resize((side, side)).convert("1").convert("RGB")
