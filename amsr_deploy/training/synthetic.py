"""Pictures that photos lack: flat and saturated colours, gradients, text, line art, checkerboards, dithers, screens.

They teach a network that paper is white and pure colours stay pure, and that pixels may differ from all around them: on
dithered pictures, and on text as screens show it, a network that has seen only photos can leave its range by far.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

COUNT = 40
"""Pictures in all, without the dithered ones."""
DITHERED = 25
"""Dithered pictures in all."""
SCREENS = 32
"""Pictures in all of letters and outlines that were drawn at the size of LR."""
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


def screens(scale: int) -> list[tuple[Image.Image, Image.Image]]:
    """Draw SCREENS pictures, SIDE / 4 LR pixels along each side, as HR and LR.

    Screens draw letters and outlines sharper than any that were reduced. HR is the enlarged LR with edges about a pixel
    wide.
    """
    random = np.random.default_rng(0)
    kinds = (page, page_of_subpixels, controls, outlines)
    return [kinds[number % len(kinds)](random, SIDE // 4, scale) for number in range(SCREENS)]


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


def page(random: np.random.Generator, side: int, scale: int) -> tuple[Image.Image, Image.Image]:
    """Draw lines of small letters, as HR and LR."""
    ink, paper = ink_and_paper(random)
    cover = letters(random, (side, side))
    high, low = (Image.new("RGB", (length, length), paper) for length in (side * scale, side))
    high.paste(ink, mask=sharp_edges(cover, scale))
    low.paste(ink, mask=cover)
    return high, low


def page_of_subpixels(random: np.random.Generator, side: int, scale: int) -> tuple[Image.Image, Image.Image]:
    """Draw a page whose red, green and blue lie beside each other in a pixel, as LR; HR as it follows from each."""
    ink, paper = ink_and_paper(random)
    cover = letters(random, (3 * side, 3 * side), size=3).resize((3 * side, side), Image.Resampling.BOX)
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
    paper = colour(random)
    high, low = (Image.new("RGB", (length, length), paper) for length in (side * scale, side))
    for _ in range(24):
        x, y, width, height = random.integers((0, 0, 6, 6), (side - 6, side - 6, 64, 64)).tolist()
        fill, ink, cover = colour(random), colour(random), letters(random, (width, height))
        for picture, factor, mask in ((low, 1, cover), (high, scale, sharp_edges(cover, scale))):
            left, top = factor * x, factor * y
            picture.paste(fill, (left, top, left + mask.width, top + mask.height))
            picture.paste(ink, (left, top), mask)
    return high, low


def outlines(random: np.random.Generator, side: int, scale: int) -> tuple[Image.Image, Image.Image]:
    """Draw boxes, rings and lines of a pixel to three, as HR and LR; each patch of paper has ink of its own.

    The ink has in each channel what the paper lacks, every second time.
    """
    high, low = (Image.new("RGB", (length, length)) for length in (side * scale, side))
    for top in range(0, side, side // 4):
        for left in range(0, side, side // 4):
            paper = colour(random)
            ink = (255 - paper[0], 255 - paper[1], 255 - paper[2]) if random.random() < 0.5 else colour(random)
            cover = strokes(random, side // 4)
            for picture, factor, mask in ((low, 1, cover), (high, scale, sharp_edges(cover, scale))):
                patch = Image.new("RGB", mask.size, paper)
                patch.paste(ink, (0, 0), mask)
                picture.paste(patch, (factor * left, factor * top))
    return high, low


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


def letters(random: np.random.Generator, dimensions: tuple[int, int], size: int = 1) -> Image.Image:
    """Draw lines of letters, 11 to 28 pixels high times a size and some bold, in white on black."""
    picture = Image.new("L", dimensions)
    draw = ImageDraw.Draw(picture)
    y = 2
    while y < picture.height:
        height = size * int(random.integers(11, 29))
        line = "".join(random.choice(list(LETTERS + 8 * " "), 3 * picture.width // height))
        bold = size * int(random.random() < 0.3)
        draw.text((2, y), line, fill=255, font=ImageFont.load_default(height), stroke_width=bold)
        y += round(1.25 * height)
    return picture


def sharp_edges(cover: Image.Image, scale: int) -> Image.Image:
    """Enlarge a black and white picture and make its edges steep again."""
    large = cover.resize((scale * cover.width, scale * cover.height), Image.Resampling.BICUBIC)
    return large.point([round(127.5 + 0.75 * scale * (level - 127.5)) for level in range(256)])


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
