"""The tables "For real photos" of the model card: weights for photos beside those for clean pictures, and bicubic.

    python benchmarks/photo_card.py ../shared/data --folders set14 b100 kodak24

LR pictures are made by `amsr_deploy.evaluation.degradations`, the same for all: some of blur, noise and JPEG
compression; and undamaged by bicubic interpolation. Masks are those of the LR pictures, with the default dilation.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from model_card import check_places, fail, replace_table
from PIL import Image

from amsr_deploy import load
from amsr_deploy.descriptor import DEFAULT_BACKBONE, PURPOSES, SCALE, SCALES, Purpose, describe
from amsr_deploy.evaluation.bench.twins import shipped_backbones
from amsr_deploy.evaluation.degradations import damage_of, gaussian_noise, jpeg
from amsr_deploy.evaluation.evaluate import Scores, evaluate, evaluate_bicubic, mean, read_pairs, score
from amsr_deploy.image.arrays import to_float
from amsr_deploy.image.pairs import crop_to_scale, low_resolution, picture_paths, read_rgb
from amsr_deploy.mask import compute_mask
from amsr_deploy.runtime.shipped import model_name
from amsr_deploy.runtime.upscaler import Upscaler

FOLDERS = ("set14", "b100", "kodak24")
SIGMAS = (0, 4, 8, 12)
QUALITIES = (95, 90, 85, 80, 70, 60)
HEADER = (
    "| model | LR pictures | folder | bicubic | clean weights | photo weights | photo - clean "
    "| density | share of dense MACs |"
)
NONE = "No weights for photos ship with this version."


def photo_rows(models: Sequence[tuple[str, int]], data: Path, folders: Iterable[str]) -> Iterator[str]:
    """Write the rows of PSNR-Y and density for backbones and scales, or say that there are none."""
    if not models:
        yield NONE
        return
    yield HEADER
    yield "| --- " * (HEADER.count("|") - 1) + "|"
    for backbone, scale in models:
        for degraded in (True, False):
            for folder in folders:
                yield photo_row(backbone, scale, degraded, data / folder)
                print(f"{backbone} x{scale} on {folder}: done", flush=True)


def photo_row(backbone: str, scale: int, degraded: bool, folder: Path) -> str:
    """Measure bicubic interpolation and both weights on a folder."""
    bicubic = mean(evaluate_bicubic(picture_paths(folder), scale, fail, degraded=degraded).values()).psnr_y
    clean, photo = (scores(backbone, scale, purpose, degraded, folder) for purpose in ("clean", "photo"))
    name = model_name(backbone, scale, trained_for="photo")
    return (
        f"| `{name}` | {'degraded' if degraded else 'undamaged'} | {folder.name} "
        f"| {bicubic:.2f} | {clean.psnr_y:.2f} | {photo.psnr_y:.2f} | {photo.psnr_y - clean.psnr_y:+.2f} "
        f"| {photo.density:.3f} | {photo.cost_share:.3f} |"
    )


def scores(backbone: str, scale: int, trained_for: Purpose, degraded: bool, folder: Path) -> Scores:
    """Measure a shipped model with its default mask."""
    with load(backbone, scale=scale, trained_for=trained_for, precision=None) as upscaler:
        return evaluate(upscaler, picture_paths(folder), fail, degraded=degraded).mean


def jpeg_rows(models: Sequence[tuple[str, int]], data: Path, folders: Iterable[str]) -> Iterator[str]:
    """Write the rows of what weights for photos gain on pictures whose only damage is JPEG, by its quality."""
    yield f"| model | folder | {' | '.join(f'quality {quality}' for quality in QUALITIES)} |"
    yield "| --- " * (len(QUALITIES) + 2) + "|"
    for backbone, scale in models:
        weights = [load(backbone, scale=scale, trained_for=purpose, precision=None) for purpose in PURPOSES]
        name = model_name(backbone, scale, trained_for="photo")
        for folder in folders:
            gains = (jpeg_gain(*weights, data / folder, quality) for quality in QUALITIES)
            yield f"| `{name}` | {folder} | {' | '.join(f'{gain:+.2f}' for gain in gains)} |"


def jpeg_gain(clean: Upscaler, photo: Upscaler, folder: Path, quality: int) -> float:
    """Measure how much more PSNR-Y weights for photos have than those for clean pictures, in dB."""
    pairs = read_pairs(picture_paths(folder), clean.metadata.scale, fail, None, False)
    damaged = [(hr, jpeg(lr, quality)) for _, hr, lr in pairs]
    return float(np.mean([score(photo, *pair).psnr_y - score(clean, *pair).psnr_y for pair in damaged]))


def noise_rows(data: Path, folders: Sequence[str]) -> Iterator[str]:
    """Write the rows of mask density by the strength of noise, which masks take for texture."""
    yield f"| standard deviation of the noise, of 255 | {' | '.join(folders)} |"
    yield "| --- " * (len(folders) + 1) + "|"
    for sigma in SIGMAS:
        yield f"| {sigma} | {' | '.join(f'{noise_density(data / folder, sigma):.3f}' for folder in folders)} |"


def noise_density(folder: Path, sigma: float) -> float:
    """Measure the mean density of the default masks of LR pictures with noise."""
    dilation = describe(DEFAULT_BACKBONE).dilation
    return float(
        np.mean([compute_mask(noisy(path, sigma), dilation, "kmeans").density for path in picture_paths(folder)])
    )


def noisy(path: Path, sigma: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Reduce a picture and add noise: [H, W, 3] in [0, 1]."""
    small: Image.Image = low_resolution(crop_to_scale(read_rgb(path), SCALE), SCALE)
    return to_float(np.array(gaussian_noise(small, sigma, damage_of(path.read_bytes()))))


def main() -> None:
    """Measure all weights for photos that ship, and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder that holds the test folders")
    parser.add_argument("--folders", nargs="*", default=FOLDERS)
    arguments = parser.parse_args()
    check_places(("photo", "jpeg", "noise"))
    models = [(name, scale) for scale in sorted(SCALES, reverse=True) for name in shipped_backbones(scale, "photo")]
    replace_table("noise", noise_rows(arguments.data, arguments.folders))
    replace_table("jpeg", jpeg_rows(models, arguments.data, arguments.folders))
    replace_table("photo", photo_rows(models, arguments.data, arguments.folders))


if __name__ == "__main__":
    main()
