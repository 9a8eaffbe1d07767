"""Pictures side by side: the paper's Fig. 1, 3, 4 (photos) and Fig. 5 (damaged photos), as crops.

python benchmarks/compare.py photos ../shared/data/large4k docs/results/photos.jpg
python benchmarks/compare.py damages ../shared/data/large4k docs/results/damages.jpg
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from paper.fig5 import DAMAGES, DILATION, damaged
from paper.plan import SCALE, STRATEGIES, Picture
from PIL import Image

from amsr_deploy import image, load
from amsr_deploy.commands.pictures.comparison import row, stack
from amsr_deploy.descriptor import DEFAULT_BACKBONE
from amsr_deploy.image.arrays import from_float, to_float
from amsr_deploy.mask import compute_mask

WIDTH = 2048
"""Of the HR pictures, as in the 2K tables."""
CROPS = {
    "budgie_perched-osprey.jpg": (710, 170),
    "budgie_san-francisco-skyline.jpg": (1257, 600),
    "budgie_motherboard-circuits.jpg": (370, 170),
}
"""Left and top corner in the HR picture."""
SIDE = 240
"""Of a crop, in HR pixels."""
DAMAGED = "budgie_singaporean-cityscape.jpg"
SHOWN = ("none", "noise 15", "sensor 10", "JPEG 40", "blur 1.0", "random")
Row = dict[str, Image.Image]


def photo_rows(folder: Path) -> list[Row]:
    """Show, for each photo, the input, where the network works, its result, bicubic, the dense network."""
    return [photo_row(Picture("2K", folder / name, WIDTH), corner) for name, corner in CROPS.items()]


def photo_row(picture: Picture, corner: tuple[int, int]) -> Row:
    """Make the crops of a photo."""
    masked, dense = load(DEFAULT_BACKBONE, scale=SCALE), load(DEFAULT_BACKBONE, scale=SCALE, dense=True)
    small = to_image(picture.lr)
    size = picture.hr.size
    pictures = {
        "input": small.resize(size, Image.Resampling.NEAREST),
        "mask (tinted)": tinted(picture.lr, masked.mask(picture.lr).pixels).resize(size, Image.Resampling.NEAREST),
        "masked network": to_image(masked.upscale(picture.lr)),
        "bicubic": small.resize(size, Image.Resampling.BICUBIC),
        "dense network": to_image(dense.upscale(picture.lr)),
        "original": picture.hr,
    }
    box = (*corner, corner[0] + SIDE, corner[1] + SIDE)
    return {name: shown.crop(box) for name, shown in pictures.items()}


def damage_rows(folder: Path) -> list[Row]:
    """Show, for each damage, the input and the masks of the three strategies."""
    picture = Picture("2K", folder / DAMAGED, WIDTH)
    return [damage_row(to_float(np.asarray(damaged(picture, damage))), damage) for damage in DAMAGES if damage in SHOWN]


def damage_row(lr: NDArray[np.float32], damage: str) -> Row:
    """Show a damaged photo and its masks, with their densities."""
    shown = {damage: to_image(lr).reduce(2)}
    for strategy in STRATEGIES:
        mask = compute_mask(lr, DILATION, strategy)
        shown[f"{strategy} {mask.density:.2f}"] = Image.fromarray(mask.pixels).convert("RGB").reduce(2)
    return shown


def tinted(lr: NDArray[np.float32], mask: NDArray[np.bool_]) -> Image.Image:
    """Show a picture, tinted where it is masked."""
    return to_image(image.overlay(image.Picture(lr), mask).rgb)


def to_image(pixels: NDArray[np.float32]) -> Image.Image:
    """Convert a picture [H, W, 3] in [0, 1] in 8 bits."""
    return Image.fromarray(from_float(pixels, np.dtype(np.uint8)))


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the sheet that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["photos", "damages"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("output", type=Path)
    chosen = parser.parse_args(arguments)
    rows = photo_rows(chosen.folder) if chosen.what == "photos" else damage_rows(chosen.folder)
    stack([row(each) for each in rows]).save(chosen.output, quality=90, subsampling=0)


if __name__ == "__main__":
    main()
