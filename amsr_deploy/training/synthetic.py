"""Pictures that photos lack: flat and saturated colours, gradients, text, line art, checkerboards.

They teach a network that paper is white and pure colours stay pure; `dithers` and `screens` draw those whose pixels may
differ from all around them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

COUNT = 40
"""Pictures in all."""
SIDE = 768
"""HR pixels along each side, a multiple of every scale's patches."""
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.,;:!?&%()"

Colour = tuple[int, int, int]
"""Red, green and blue, 0 to 255."""


class Script(NamedTuple):
    """How lines of letters are set.

    Attributes:
        heights: the smallest, and one more than the largest.
        margin: pixels at the left and above the first line.
        leading: from line to line, in heights.
        length: letters of a line, as a multiple of its width in heights.
    """

    heights: tuple[int, int]
    margin: int
    leading: float
    length: int


PRINT = Script((10, 56), margin=4, leading=1.3, length=2)


def synthetic_pictures() -> list[Image.Image]:
    """Draw COUNT pictures of SIDE x SIDE pixels in RGB, the same each time."""
    random = np.random.default_rng(0)
    kinds = (patchwork, gradients, text, lines, checkerboard)
    return [kinds[number % len(kinds)](random) for number in range(COUNT)]


def colour(random: np.random.Generator) -> Colour:
    """Choose a colour, each channel often at an end of its range."""
    levels = random.choice([0, 255, -1, -1], 3)
    red, green, blue = np.where(levels < 0, random.integers(0, 256, 3), levels).tolist()
    return red, green, blue


def ink_and_paper(random: np.random.Generator) -> tuple[Colour, Colour]:
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
    for top, size, line in lines_of_text(random, picture.size, PRINT):
        draw.text((PRINT.margin, top), line, fill=ink, font=ImageFont.load_default(size))
    return picture


def lines_of_text(
    random: np.random.Generator, area: tuple[int, int], script: Script, unit: int = 1
) -> Iterator[tuple[int, int, str]]:
    """Yield the top, the height and the letters of lines that fill an area.

    Args:
        random: source of randomness.
        area: width and height in pixels.
        script: how the lines are set.
        unit: pixels of a unit of the heights.
    """
    width, bottom = area
    top = script.margin
    while top < bottom:
        height = unit * int(random.integers(*script.heights))
        yield top, height, "".join(random.choice(list(LETTERS + 8 * " "), script.length * width // height))
        top += round(script.leading * height)


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
