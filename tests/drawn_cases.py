"""Small drawn pictures that share no code and no font with those of training."""

from __future__ import annotations

from pathlib import Path

import matplotlib
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

SIDE = 48
FONTS = Path(matplotlib.get_data_path()) / "fonts" / "ttf"

Colours = tuple[str, str]
"""Ink and paper."""
USUAL: list[Colours] = [("black", "white"), ("white", "#1e1e1e"), ("#bbb", "white"), ("red", "black")]
OPPOSITE: list[Colours] = [("lime", "magenta"), ("cyan", "red")]


def drawn_pages(random: np.random.Generator) -> list[NDArray[np.float32]]:
    """Draw a picture of each kind: [SIDE, SIDE, 3] in [0, 1]."""
    colours = USUAL[random.integers(len(USUAL))]
    pages = [words(random, colours), controls(random, colours), printed_code(random), bayer_dither(random)]
    return [*map(to_float, pages), random.random((SIDE, SIDE, 3), np.float32)]


def controls_of_opposite_colours(random: np.random.Generator) -> list[NDArray[np.float32]]:
    """Draw controls whose ink has in each channel what the paper lacks."""
    return [to_float(controls(random, colours)) for colours in OPPOSITE]


def to_float(picture: Image.Image) -> NDArray[np.float32]:
    return np.asarray(picture.convert("RGB"), np.float32) / 255


def words(random: np.random.Generator, colours: Colours) -> Image.Image:
    """Draw lines of words in one of the fonts of Matplotlib."""
    ink, paper = colours
    picture = Image.new("RGB", (SIDE, SIDE), paper)
    name = random.choice(["DejaVuSans", "DejaVuSansMono", "DejaVuSerif-Bold", "STIXGeneral"])
    height = int(random.integers(9, 21))
    font = ImageFont.truetype(FONTS / f"{name}.ttf", height)
    for y in range(0, SIDE, height + 2):
        ImageDraw.Draw(picture).text((1, y), "".join(random.permutation(list("Illegal #wig @ 10%"))), ink, font)
    return picture


def controls(random: np.random.Generator, colours: Colours) -> Image.Image:
    """Draw boxes, rings and ticks with lines of a pixel or two."""
    ink, paper = colours
    picture = Image.new("RGB", (SIDE, SIDE), paper)
    draw = ImageDraw.Draw(picture)
    for _ in range(6):
        x, y = random.integers(0, SIDE - 12, 2).tolist()
        width = int(random.integers(1, 3))
        draw.rounded_rectangle((x, y, x + 24, y + 14), 3, outline=ink, width=width)
        draw.ellipse((y, x, y + 9, x + 9), outline=ink, width=width)
        draw.line((x, y, x + 3, y + 5, x + 11, y - 6), fill=ink, width=width)
    return picture


def printed_code(random: np.random.Generator) -> Image.Image:
    """Draw black and white modules of one to three pixels."""
    length = int(random.integers(1, 4))
    modules = random.integers(0, 2, (SIDE, SIDE), np.uint8) * np.uint8(255)
    return Image.fromarray(modules.repeat(length, 0).repeat(length, 1)[:SIDE, :SIDE])


def bayer_dither(random: np.random.Generator) -> Image.Image:
    """Dither a slope of each channel to its ends by ordered thresholds, as old screens did."""
    order = np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]]) / 16
    y, x = np.mgrid[0:SIDE, 0:SIDE] / SIDE
    slopes = np.stack([share * x + (1 - share) * y for share in random.random(3)], axis=2)
    return Image.fromarray(
        np.where(slopes > np.tile(order, (SIDE // 4, SIDE // 4))[..., None], 255, 0).astype(np.uint8)
    )
