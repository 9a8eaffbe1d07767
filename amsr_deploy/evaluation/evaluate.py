"""Measures a model on a folder of HR pictures: reduce them, upscale them again, compare."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, astuple, dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from amsr_deploy.errors import AmsrError, ImageError
from amsr_deploy.evaluation import metrics
from amsr_deploy.evaluation.degradations import damage_of, degrade
from amsr_deploy.evaluation.lr_folder import LrFolder
from amsr_deploy.image.arrays import to_float
from amsr_deploy.image.pairs import crop_to_scale, low_resolution, read_rgb
from amsr_deploy.runtime.upscaler import Upscaler

SMALLEST = 32
"""HR pixels that each side must have: SSIM needs 11 inside the border."""


@dataclass(frozen=True)
class Quality:
    """How good an upscaled picture is.

    Attributes:
        psnr_y: PSNR on the luma, in dB, without a border as wide as the scale, as the others.
        psnr_rgb: PSNR on all three channels, in dB.
        ssim: structural similarity of the luma, in [-1, 1].
    """

    psnr_y: float
    psnr_rgb: float
    ssim: float


@dataclass(frozen=True)
class Scores(Quality):
    """How good an upscaled picture is and what it took.

    Attributes:
        density: share of the body that was computed, in [0, 1].
        cost_share: multiply-accumulates as a share of the dense network's.
    """

    density: float
    cost_share: float


Scored = TypeVar("Scored", bound=Quality)


@dataclass(frozen=True)
class Evaluation:
    """The scores of a folder with one setting of the mask.

    Attributes:
        dilation: side k of the mask's dilation square; None is dense.
        pictures: scores by file.
    """

    dilation: int | None
    pictures: dict[Path, Scores]

    @property
    def mean(self) -> Scores:
        """The mean over the pictures."""
        return mean(self.pictures.values())

    def to_json(self) -> dict[str, Any]:
        """Convert to plain data; equal pictures, whose PSNR is infinite, have null there."""
        return {"dilation": self.dilation, **to_json(self.pictures)}


def mean(scores: Iterable[Scored]) -> Scored:
    """Average scores."""
    given = list(scores)
    return type(given[0])(*(float(column) for column in np.mean([astuple(one) for one in given], axis=0)))


def to_json(pictures: Mapping[Path, Quality]) -> dict[str, Any]:
    """Convert the scores of pictures and their mean to plain data; equal pictures have null as their PSNR."""
    entries = [{"picture": path.name, **finite(scores)} for path, scores in pictures.items()]
    return {"mean": finite(mean(pictures.values())), "pictures": entries}


def finite(scores: Quality) -> dict[str, float | None]:
    """Convert scores to plain data; an infinite PSNR, that of equal pictures, is None."""
    return {name: value if np.isfinite(value) else None for name, value in asdict(scores).items()}


def evaluate(
    upscaler: Upscaler,
    paths: Iterable[Path],
    fail: Callable[[Exception], object],
    lr_folder: Path | None = None,
    degraded: bool = False,
) -> Evaluation:
    """Measure an upscaler on HR pictures; one that cannot be read does not stop the others.

    Args:
        upscaler: the model and its mask setting.
        paths: the pictures.
        fail: takes the error of each picture that failed.
        lr_folder: holds the LR pictures; None reduces the HR pictures by Pillow's bicubic.
        degraded: reduce them with random damage instead; a file of the same content gets the same damage.

    Raises:
        ImageError: no picture could be measured.
        AmsrError: what concerns all pictures, or one that the model cannot upscale, which is named.
    """
    scores: dict[Path, Scores] = {}
    for path, hr, lr in read_pairs(paths, upscaler.metadata.scale, fail, lr_folder, degraded):
        try:
            scores[path] = score(upscaler, hr, lr)
        except AmsrError as error:
            error.args = (f"{path}: {error}",)
            raise
    return Evaluation(upscaler.dilation if upscaler.is_masked else None, scores)


def evaluate_bicubic(
    paths: Iterable[Path],
    scale: int,
    fail: Callable[[Exception], object],
    lr_folder: Path | None = None,
    degraded: bool = False,
) -> dict[Path, Quality]:
    """Measure bicubic interpolation, Pillow's, by file: what a network has to beat. See `evaluate`."""
    pairs = read_pairs(paths, scale, fail, lr_folder, degraded)
    return {
        path: compare(np.array(lr.resize(hr.size, Image.Resampling.BICUBIC)), np.array(hr), scale)
        for path, hr, lr in pairs
    }


def read_pairs(
    paths: Iterable[Path], scale: int, fail: Callable[[Exception], object], lr_folder: Path | None, degraded: bool
) -> Iterator[tuple[Path, Image.Image, Image.Image]]:
    """Read HR pictures, whose sides are multiples of the scale, and LR pictures; see `evaluate`."""
    folder = None if lr_folder is None else LrFolder(lr_folder, scale)
    count = 0
    for path in paths:
        try:
            picture = read_rgb(path)
            if min(picture.size) < SMALLEST:
                size = f"{picture.width}x{picture.height}"
                raise ImageError(f"{path} is {size}; at least {SMALLEST}x{SMALLEST} is needed")
            hr = crop_to_scale(picture, scale)
            if folder is not None:
                lr = folder.read(path, hr.size)
            else:
                lr = degrade(hr, scale, damage_of(path.read_bytes())) if degraded else low_resolution(hr, scale)
        except ImageError as error:
            fail(error)
        else:
            count += 1
            yield path, hr, lr
    if not count:
        raise ImageError("no picture could be measured")


def score(upscaler: Upscaler, hr: Image.Image, lr: Image.Image) -> Scores:
    """Upscale an LR picture and compare it with the HR one."""
    reference = np.array(hr)
    upscaling = upscaler.prepare(to_float(np.array(lr)))
    quality = compare(upscaling.run(reference.dtype), reference, upscaler.metadata.scale)
    return Scores(**asdict(quality), density=upscaling.density, cost_share=upscaling.cost_share)


def compare(image: NDArray[np.uint8], reference: NDArray[np.uint8], scale: int) -> Quality:
    """Compare an upscaled picture [H, W, 3] with the HR one."""
    pictures = (image, reference, scale)
    return Quality(metrics.psnr_y(*pictures), metrics.psnr(*pictures), metrics.ssim_y(*pictures))
