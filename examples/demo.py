"""The main job on a photo: `python examples/demo.py FOLDER` upscales the osprey and shows what was done.

Writes the upscaled photo, its mask, and a comparison: input, mask, masked result, bicubic, with a crop of each.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

import amsr_deploy
from amsr_deploy import image

OSPREY = Path(__file__).with_name("osprey.png")
CROP = (150, 45, 230, 115)
"""Part of the input that is shown at full size, in LR pixels."""


def main(folder: Path) -> None:
    """Upscale the osprey into a folder."""
    folder.mkdir(exist_ok=True)
    upscaler = amsr_deploy.load()
    picture = image.read(OSPREY)
    result = upscaler.run(picture.rgb)
    mask = upscaler.mask(picture.rgb)
    upscaled = folder / f"osprey_x{upscaler.metadata.scale}.png"
    image.write(upscaled, image.upscale(picture, lambda _: result.image.copy()))
    image.write_mask(folder / "osprey_mask.png", mask.pixels)
    compare(picture, mask.pixels, upscaled, upscaler.metadata.scale).save(folder / "comparison.png")
    print(
        f"{upscaled}: {upscaler.model}, {upscaler.backend}, density {result.density:.2f}, "
        f"{result.cost_share:.0%} of the dense cost, {result.seconds:.2f} s"
    )
    print(f"{folder / 'comparison.png'}: input, mask, result, bicubic side by side")


def compare(picture: image.Picture, mask: np.ndarray, upscaled: Path, scale: int) -> Image.Image:
    """Put input, mask, result and bicubic in a row, each as the enlarged crop."""
    with Image.open(OSPREY) as file:
        small = file.convert("RGB").crop(CROP)
    with Image.open(upscaled) as file:
        sharp = file.convert("RGB").crop(tuple(scale * side for side in CROP))
    tinted = image.overlay(picture, mask)
    overlay = Image.fromarray(np.rint(tinted.rgb * 255).astype(np.uint8)).crop(CROP)
    panels = {
        "input": small.resize(sharp.size, Image.Resampling.NEAREST),
        "mask (tinted: where the network works)": overlay.resize(sharp.size, Image.Resampling.NEAREST),
        "amsr": sharp,
        "bicubic": small.resize(sharp.size, Image.Resampling.BICUBIC),
    }
    return label(panels)


def label(panels: dict[str, Image.Image]) -> Image.Image:
    """Put pictures of one size side by side, each under its name."""
    width, height = next(iter(panels.values())).size
    sheet = Image.new("RGB", (len(panels) * (width + 8) - 8, height + 28), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(16)
    for column, (name, panel) in enumerate(panels.items()):
        draw.text((column * (width + 8) + 4, 4), name, fill="black", font=font)
        sheet.paste(panel, (column * (width + 8), 28))
    return sheet


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "demo"))
