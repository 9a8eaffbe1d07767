"""Letters and outlines as screens draw them, at the size of LR: sharper than any that were reduced.

A network that has seen only photos can leave its range there. HR is the enlarged LR with edges about a pixel wide.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from amsr_deploy.training.synthetic import SIDE, Colour, Script, colour, ink_and_paper, lines_of_text

COUNT = 32
"""Pictures in all."""
SCREEN = Script((11, 29), margin=2, leading=1.25, length=3)


def screens(scale: int) -> list[tuple[Image.Image, Image.Image]]:
    """Draw COUNT pictures, SIDE / 4 LR pixels along each side, as HR and LR, the same each time."""
    random = np.random.default_rng(0)
    kinds = (page, page_of_subpixels, controls, outlines)
    return [kinds[number % len(kinds)](random, SIDE // 4, scale) for number in range(COUNT)]


class Sheet:
    """A square picture at both sizes.

    Attributes:
        pair: HR and LR.
    """

    def __init__(self, side: int, scale: int, paper: Colour = (0, 0, 0)) -> None:
        """Begin with paper of a side in LR pixels."""
        self._scale = scale
        self.pair = Image.new("RGB", (side * scale, side * scale), paper), Image.new("RGB", (side, side), paper)

    def put(self, cover: Image.Image, ink: Colour, paper: Colour, place: tuple[int, int] = (0, 0)) -> None:
        """Put a patch of paper to a place (x, y), inked where its cover, in LR pixels, is white."""
        covers = sharp_edges(cover, self._scale), cover
        for picture, mask, factor in zip(self.pair, covers, (self._scale, 1), strict=True):
            patch = Image.new("RGB", mask.size, paper)
            patch.paste(ink, mask=mask)
            picture.paste(patch, (factor * place[0], factor * place[1]))


def page(random: np.random.Generator, side: int, scale: int) -> tuple[Image.Image, Image.Image]:
    """Draw lines of small letters, as HR and LR."""
    ink, paper = ink_and_paper(random)
    sheet = Sheet(side, scale)
    sheet.put(letters(random, (side, side)), ink, paper)
    return sheet.pair


def page_of_subpixels(random: np.random.Generator, side: int, scale: int) -> tuple[Image.Image, Image.Image]:
    """Draw a page whose red, green and blue lie beside each other in a pixel, as LR; HR as it follows from each."""
    ink, paper = ink_and_paper(random)
    cover = letters(random, (3 * side, 3 * side), unit=3).resize((3 * side, side), Image.Resampling.BOX)
    columns = np.asarray(cover.filter(ImageFilter.BoxBlur((1, 0))))
    colours = [Image.fromarray(np.ascontiguousarray(columns[:, number::3])) for number in range(3)]
    levels = [np.linspace(*ends, 256).round().astype(int).tolist() for ends in zip(paper, ink, strict=True)]
    low, high = (
        Image.merge("RGB", [each.point(table) for each, table in zip(covers, levels, strict=True)])
        for covers in (colours, [sharp_edges(each, scale) for each in colours])
    )
    return high, low


def controls(random: np.random.Generator, side: int, scale: int) -> tuple[Image.Image, Image.Image]:
    """Draw rectangles with letters in them, as HR and LR."""
    sheet = Sheet(side, scale, colour(random))
    for _ in range(24):
        x, y, width, height = random.integers((0, 0, 6, 6), (side - 6, side - 6, 64, 64)).tolist()
        paper, ink = colour(random), colour(random)
        sheet.put(letters(random, (width, height)), ink, paper, (x, y))
    return sheet.pair


def outlines(random: np.random.Generator, side: int, scale: int) -> tuple[Image.Image, Image.Image]:
    """Draw boxes, rings and lines of a pixel to three, as HR and LR; each patch of paper has ink of its own.

    The ink has in each channel what the paper lacks, every second time.
    """
    sheet = Sheet(side, scale)
    for top in range(0, side, side // 4):
        for left in range(0, side, side // 4):
            paper = colour(random)
            ink = (255 - paper[0], 255 - paper[1], 255 - paper[2]) if random.random() < 0.5 else colour(random)
            sheet.put(strokes(random, side // 4), ink, paper, (left, top))
    return sheet.pair


def strokes(random: np.random.Generator, side: int) -> Image.Image:
    """Draw boxes, rings and lines of a pixel to three, in white on black."""
    picture = Image.new("L", (side, side))
    draw = ImageDraw.Draw(picture)
    for _ in range(4):
        x, y, width, height = random.integers((0, 0, 4, 4), (side, side, side, side)).tolist()
        thick, *ends = random.integers((1, 0, 0), (4, side, side)).tolist()
        draw.rounded_rectangle((x, y, x + width, y + height), 3, outline=255, width=thick)
        draw.ellipse((y, x, y + height, x + height), outline=255, width=thick)
        draw.line((x, y, *ends), fill=255, width=thick)
    return picture


def letters(random: np.random.Generator, area: tuple[int, int], unit: int = 1) -> Image.Image:
    """Draw lines of letters, 11 to 28 units high and some bold, in white on black."""
    picture = Image.new("L", area)
    draw = ImageDraw.Draw(picture)
    for top, height, line in lines_of_text(random, area, SCREEN, unit):
        bold = unit * int(random.random() < 0.3)
        draw.text((SCREEN.margin, top), line, fill=255, font=ImageFont.load_default(height), stroke_width=bold)
    return picture


def sharp_edges(cover: Image.Image, scale: int) -> Image.Image:
    """Enlarge a black and white picture and make its edges steep again."""
    large = cover.resize((scale * cover.width, scale * cover.height), Image.Resampling.BICUBIC)
    return large.point([round(127.5 + 0.75 * scale * (level - 127.5)) for level in range(256)])
