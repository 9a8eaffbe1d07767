"""A picture that compares: input, mask, bicubic interpolation and result, as a whole and as an enlarged crop."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from amsr_deploy import image
from amsr_deploy.image import Picture
from amsr_deploy.image.arrays import from_float

PANEL = 480
"""Most pixels of a panel's side."""
GAP, TITLE = 8, 28
"""Pixels between panels, and of the line above them."""

Box = tuple[int, int, int, int]
"""Left, upper, right and lower border in pixels of the input."""


def compare(picture: Picture, mask: NDArray[np.bool_], result: Picture, crop: Box | None = None) -> Image.Image:
    """Draw two rows of panels: whole pictures and, where that is less, a crop of each at the size of the result.

    Args:
        picture: the input.
        mask: [H, W], where the network worked.
        result: the upscaled picture.
        crop: what is enlarged, in pixels of the input; None is the part with the most detail.
    """
    small, large = _image(picture), _image(result)
    tinted = _image(image.overlay(picture, mask))
    scale = large.width / small.width
    left, upper, right, lower = crop or busiest_part(picture, round(PANEL / scale))
    box = (round(left * scale), round(upper * scale), round(right * scale), round(lower * scale))
    nearest, bicubic = Image.Resampling.NEAREST, Image.Resampling.BICUBIC
    panels = {
        "input": small.resize(large.size, nearest),
        "mask (tinted: where the network worked)": tinted.resize(large.size, nearest),
        "bicubic": small.resize(large.size, bicubic),
        "amsr": large,
    }
    whole = {name: _fitted(panel) for name, panel in panels.items()}
    if box == (0, 0, *large.size):
        return row(whole)
    crops = {f"{name}, crop": panel.crop(box) for name, panel in panels.items()}
    return stack([row(whole), row(crops)])


def busiest_part(picture: Picture, side: int) -> Box:
    """Find the part of a picture with the largest differences between neighbours."""
    height, width = picture.size
    down, across = min(side, height), min(side, width)
    grey = picture.rgb.mean(axis=2)
    changes = np.abs(np.diff(grey, axis=0, append=grey[-1:])) + np.abs(np.diff(grey, axis=1, append=grey[:, -1:]))
    total = np.pad(changes.astype(np.float64).cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    sums = total[down:, across:] - total[:-down, across:] - total[down:, :-across] + total[:-down, :-across]
    upper, left = np.unravel_index(int(sums.argmax()), sums.shape)
    return int(left), int(upper), int(left) + across, int(upper) + down


def row(panels: Mapping[str, Image.Image]) -> Image.Image:
    """Draw pictures of one size side by side, each under its name."""
    width, height = next(iter(panels.values())).size
    font = ImageFont.load_default(16)
    cell = max(width, *(round(font.getlength(name)) + GAP for name in panels))
    sheet = Image.new("RGB", (len(panels) * (cell + GAP) - GAP, height + TITLE), "white")
    draw = ImageDraw.Draw(sheet)
    for column, (name, panel) in enumerate(panels.items()):
        draw.text((column * (cell + GAP) + 4, 4), name, fill="black", font=font)
        sheet.paste(panel, (column * (cell + GAP), TITLE))
    return sheet


def stack(rows: list[Image.Image]) -> Image.Image:
    """Draw rows below each other."""
    sheet = Image.new("RGB", (max(each.width for each in rows), sum(each.height for each in rows)), "white")
    top = 0
    for each in rows:
        sheet.paste(each, (0, top))
        top += each.height
    return sheet


def _image(picture: Picture) -> Image.Image:
    """Convert the picture to 8 bits, on white where it is transparent."""
    rgb = picture.rgb
    if picture.alpha is not None:
        alpha = picture.alpha[..., None]
        rgb = rgb * alpha + (1 - alpha)
    return Image.fromarray(from_float(np.clip(rgb, 0, 1), np.dtype(np.uint8)))


def _fitted(picture: Image.Image) -> Image.Image:
    """Reduce the picture to the size of a panel."""
    factor = min(1.0, PANEL / max(picture.size))
    size = (max(1, round(picture.width * factor)), max(1, round(picture.height * factor)))
    return picture.resize(size, Image.Resampling.LANCZOS)
