"""The main job on a photo: `python examples/demo.py FOLDER` upscales the osprey and shows what was done.

Writes the mask, the upscaled photo, and a comparison: input, mask, bicubic, result, as a whole and as a crop. Prints
how long bicubic interpolation, the masked and the dense network take, and how well each restores the photo after it was
reduced.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import amsr_deploy
from amsr_deploy import image
from amsr_deploy.commands.pictures.comparison import compare
from amsr_deploy.evaluation.metrics import psnr_y

OSPREY = Path(__file__).with_name("osprey.png")
CROP = (150, 45, 230, 115)
"""Part of the input that is shown enlarged, in LR pixels."""
RUNS = 5

Pixels = NDArray[np.uint8]
Way = Callable[[Pixels], Pixels]


def main(folder: Path) -> None:
    """Upscale the osprey into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    masked, dense = (amsr_deploy.load(dense=dense, precision="float32") for dense in (False, True))
    scale, picture = masked.metadata.scale, image.read(OSPREY)
    mask, large = masked.mask(picture.rgb).pixels, folder / f"osprey_x{scale}.png"
    masked.upscale_file(OSPREY, large, mask)
    image.write_mask(folder / "osprey_mask.png", mask)
    compare(picture, mask, image.read(large), CROP).save(folder / "comparison.png")
    print(f"{folder}: {large.name}, its osprey_mask.png, and comparison.png")
    print(f"{masked.model}, {masked.backend}: {mask.mean():.0%} of the pixels are masked")
    measure({"bicubic": lambda small: resize(small, scale), "masked": masked.upscale, "dense": dense.upscale}, scale)


def measure(ways: dict[str, Way], scale: int) -> None:
    """Print what each way of upscaling takes for the osprey, and how well it restores a reduced one."""
    with Image.open(OSPREY) as file:
        photo = np.asarray(file.convert("RGB"))
    photo = photo[: len(photo) // scale * scale, : photo.shape[1] // scale * scale]
    reduced = resize(photo, 1 / scale)
    print("         seconds   PSNR-Y of the photo, reduced and upscaled again")
    for name, way in ways.items():
        print(f"{name:8} {seconds(way, photo):7.3f}   {psnr_y(way(reduced), photo, border=scale):.2f} dB")


def resize(pixels: Pixels, factor: float) -> Pixels:
    """Resize [H, W, 3] by bicubic interpolation."""
    picture = Image.fromarray(pixels)
    size = round(picture.width * factor), round(picture.height * factor)
    return np.asarray(picture.resize(size, Image.Resampling.BICUBIC))


def seconds(way: Way, photo: Pixels) -> float:
    """Measure the fastest of several runs."""
    times = []
    for _ in range(RUNS):
        started = time.perf_counter()
        way(photo)
        times.append(time.perf_counter() - started)
    return min(times)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "demo"))
