"""Pictures that photos lack: flat and saturated colours, gradients, text, line art, checkerboards, dithers.

They teach a network that paper is white and pure colours stay pure, and that pixels may differ from all around them: on
dithered pictures a network that has seen only photos can leave its range by far.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFont

COUNT = 40
"""Pictures in all, without the dithered ones."""
DITHERED = 15
"""Dithered pictures in all."""
SIDE = 768
"""HR pixels along each side, a multiple of every scale's patches."""
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.,;:!?&%()"


def synthetic_pictures() -> list[Image.Image]:
    """Draw COUNT pictures of SIDE x SIDE pixels in RGB, the same each time."""
    random = np.random.default_rng(0)
    kinds: tuple[Callable[[np.random.Generator], Image.Image], ...] = (
        patchwork,
        gradients,
        text,
        lines,
        checkerboard,
    )
    return [kinds[number % len(kinds)](random) for number in range(COUNT)]


def dithered_pictures() -> list[Image.Image]:
    """Draw DITHERED pictures in RGB, SIDE / 4 LR pixels along each side, whose pixels differ from all around them."""
    random = np.random.default_rng(0)
    kinds = (two_colours, switched_channels, grey_noise, coloured_noise, error_diffusion)
    return [kinds[number % len(kinds)](random, SIDE // 4) for number in range(DITHERED)]


def colour(random: np.random.Generator) -> tuple[int, int, int]:
    """Choose a colour, each channel often at an end of its range."""
    levels = random.choice([0, 255, -1, -1], 3)
    red, green, blue = np.where(levels < 0, random.integers(0, 256, 3), levels).tolist()
    return red, green, blue


def ink_and_paper(random: np.random.Generator) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    """Choose two colours for a drawing: black on white every second time."""
    return ((0, 0, 0), (255, 255, 255)) if random.random() < 0.5 else (colour(random), colour(random))


def patchwork(random: np.random.Generator) -> Image.Image:
    """Draw rectangles of flat colours; a grey one every third time."""
    picture = Image.new("RGB", (SIDE, SIDE), colour(random))
    draw = ImageDraw.Draw(picture)
    for _ in range(24):
        left, top = random.integers(-SIDE // 4, SIDE, 2).tolist()
        width, height = random.integers(16, SIDE // 2, 2).tolist()
        grey = int(random.integers(0, 256))
        fill = (grey, grey, grey) if random.random() < 1 / 3 else colour(random)
        draw.rectangle((left, top, left + width, top + height), fill=fill)
    return picture


def gradients(random: np.random.Generator) -> Image.Image:
    """Draw four squares, each between two colours in a direction of its own."""
    half = SIDE // 2
    y, x = np.mgrid[0:half, 0:half] / half - 0.5
    picture = Image.new("RGB", (SIDE, SIDE))
    for corner in ((0, 0), (half, 0), (0, half), (half, half)):
        angle = random.uniform(0, 2 * np.pi)
        share = np.clip(0.5 + x * np.cos(angle) + y * np.sin(angle), 0, 1)[..., None]
        shade = share * colour(random) + (1 - share) * colour(random)
        picture.paste(Image.fromarray(np.rint(shade).astype(np.uint8)), corner)
    return picture


def text(random: np.random.Generator) -> Image.Image:
    """Draw lines of letters of many sizes."""
    ink, paper = ink_and_paper(random)
    picture = Image.new("RGB", (SIDE, SIDE), paper)
    draw = ImageDraw.Draw(picture)
    y = 4
    while y < SIDE:
        size = int(random.integers(10, 56))
        letters = "".join(random.choice(list(LETTERS + 8 * " "), 2 * SIDE // size))
        draw.text((4, y), letters, fill=ink, font=ImageFont.load_default(size))
        y += round(1.3 * size)
    return picture


def lines(random: np.random.Generator) -> Image.Image:
    """Draw lines and circles at twice the size, so that they become smooth."""
    ink, paper = ink_and_paper(random)
    picture = Image.new("RGB", (2 * SIDE, 2 * SIDE), paper)
    draw = ImageDraw.Draw(picture)
    for _ in range(40):
        x, y, end_x, end_y = random.integers(0, 2 * SIDE, 4).tolist()
        radius, *widths = random.integers((8, 2, 2), (SIDE // 2, 14, 14)).tolist()
        draw.line((x, y, end_x, end_y), fill=ink, width=widths[0])
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), outline=ink, width=widths[1])
    return picture.resize((SIDE, SIDE), Image.Resampling.BOX)


def checkerboard(random: np.random.Generator) -> Image.Image:
    """Draw squares of 4 to 48 pixels."""
    ink, paper = ink_and_paper(random)
    side = int(random.integers(4, 49))
    y, x = np.mgrid[0:SIDE, 0:SIDE] // side
    return Image.fromarray(np.where(((x + y) % 2)[..., None], ink, paper).astype(np.uint8))


def two_colours(random: np.random.Generator, side: int) -> Image.Image:
    """Draw each pixel in one of two colours."""
    inked = random.random((side, side, 1)) < random.uniform(0.1, 0.9)
    return Image.fromarray(np.where(inked, *ink_and_paper(random)).astype(np.uint8))


def switched_channels(random: np.random.Generator, side: int) -> Image.Image:
    """Draw each channel of each pixel as 0 or 255."""
    return Image.fromarray(255 * random.integers(0, 2, (side, side, 3), np.uint8))


def grey_noise(random: np.random.Generator, side: int) -> Image.Image:
    """Draw each pixel in a grey of its own."""
    return Image.fromarray(random.integers(0, 256, (side, side), np.uint8)).convert("RGB")


def coloured_noise(random: np.random.Generator, side: int) -> Image.Image:
    """Draw each pixel in a colour of its own."""
    return Image.fromarray(random.integers(0, 256, (side, side, 3), np.uint8))


def error_diffusion(random: np.random.Generator, side: int) -> Image.Image:
    """Dither gradients to black and white, as printers and old games do (Floyd and Steinberg)."""
    return gradients(random).resize((side, side)).convert("1").convert("RGB")
