"""docs/crops.jpg: crops of CC0 photos at 1:1, bicubic interpolation beside the shipped models with their default masks.

python benchmarks/crops.py ../shared/data/large4k docs/crops.jpg
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from amsr_deploy import load
from amsr_deploy.commands.pictures.comparison import row, stack
from amsr_deploy.descriptor import SCALE, describe
from amsr_deploy.evaluation.bench.twins import shipped_backbones
from amsr_deploy.image.pairs import crop_to_scale, low_resolution, read_rgb

CROPS = {
    "budgie_perched-osprey.jpg": (660, 210),
    "budgie_san-francisco-skyline.jpg": (1180, 600),
    "budgie_motherboard-circuits.jpg": (700, 330),
    "budgie_the-spices-of-life.jpg": (900, 760),
}
"""Left and top corner in the HR picture: plumage and an eye, windows, print, grains."""
WIDTH, HEIGHT = 260, 200
REDUCTION = 2
"""A photo of a camera is soft at its full size: HR pictures are half of it."""


def columns(path: Path, box: tuple[int, int, int, int], scale: int) -> dict[str, Image.Image]:
    """Crop each way of upscaling a photo, by name."""
    hr = crop_to_scale(read_rgb(path).reduce(REDUCTION), scale)
    lr = low_resolution(hr, scale)
    result = {"bicubic": lr.resize(hr.size, Image.Resampling.BICUBIC)}
    for name in shipped_backbones(scale):
        result[describe(name).title] = Image.fromarray(load(name, scale=scale).upscale(np.array(lr)))
    return {name: picture.crop(box) for name, picture in (result | {"original": hr}).items()}


def sheet(folder: Path, scale: int) -> Image.Image:
    """Assemble all crops, a row for each photo."""
    boxes = {name: (x, y, x + WIDTH, y + HEIGHT) for name, (x, y) in CROPS.items()}
    return stack([row(columns(folder / name, box, scale)) for name, box in boxes.items()])


def main() -> None:
    """Write the sheet as the command line asks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--scale", type=int, default=SCALE, help="of the models")
    arguments = parser.parse_args()
    sheet(arguments.folder, arguments.scale).save(arguments.output, quality=93, subsampling=0)


if __name__ == "__main__":
    main()
