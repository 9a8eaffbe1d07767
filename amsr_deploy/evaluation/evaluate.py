"""Measures a model on a folder of HR pictures: reduce them, upscale them again, compare."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, astuple, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from amsr_deploy.errors import ImageError
from amsr_deploy.evaluation import metrics
from amsr_deploy.image.arrays import from_float, to_float
from amsr_deploy.image.pairs import crop_to_scale, low_resolution, read_rgb
from amsr_deploy.runtime.upscaler import Upscaler

SMALLEST = 32
"""HR pixels that each side must have: SSIM needs 11 inside the border."""


@dataclass(frozen=True)
class Scores:
    """How good an upscaled picture is and what it took.

    Attributes:
        psnr_y: PSNR on the luma, in dB, without a border as wide as the scale, as the others.
        psnr_rgb: PSNR on all three channels, in dB.
        ssim: structural similarity of the luma, in [-1, 1].
        density: share of the body that was computed, in [0, 1].
        cost_share: multiply-accumulates as a share of the dense network's.
    """

    psnr_y: float
    psnr_rgb: float
    ssim: float
    density: float
    cost_share: float


@dataclass(frozen=True)
class Evaluation:
    """The scores of a folder with one setting of the mask.

    Attributes:
        dilation: side k of the mask's dilation square; None is dense.
        pictures: scores by file name.
    """

    dilation: int | None
    pictures: dict[str, Scores]

    @property
    def mean(self) -> Scores:
        """The mean over the pictures."""
        return Scores(*(float(column) for column in np.mean([astuple(s) for s in self.pictures.values()], axis=0)))

    def to_json(self) -> dict[str, Any]:
        """Convert to plain data; equal pictures, whose PSNR is infinite, have null there."""
        pictures = [{"name": name, **_finite(scores)} for name, scores in self.pictures.items()]
        return {"dilation": self.dilation, "mean": _finite(self.mean), "pictures": pictures}


def evaluate(upscaler: Upscaler, paths: Iterable[Path], fail: Callable[[Exception], object]) -> Evaluation:
    """Measure an upscaler on HR pictures; one that cannot be read does not stop the others.

    Args:
        upscaler: the model and its mask setting.
        paths: the pictures.
        fail: takes the error of each picture that failed.

    Raises:
        ImageError: no picture could be measured.
        AmsrError: what concerns all pictures.
    """
    scores = {}
    for path in paths:
        try:
            picture = read_rgb(path)
            if min(picture.size) < SMALLEST:
                raise ImageError(
                    f"{path} is {picture.width}x{picture.height}; at least {SMALLEST}x{SMALLEST} is needed"
                )
        except ImageError as error:
            fail(error)
        else:
            scores[path.name] = score(upscaler, crop_to_scale(picture, upscaler.metadata.scale))
    if not scores:
        raise ImageError("no picture could be measured")
    return Evaluation(upscaler.dilation if upscaler.is_masked else None, scores)


def score(upscaler: Upscaler, picture: Image.Image) -> Scores:
    """Reduce and upscale a picture whose sides are multiples of the scale."""
    scale, hr = upscaler.metadata.scale, np.array(picture)
    result = upscaler.run(to_float(np.array(low_resolution(picture, scale))))
    image = from_float(result.image, hr.dtype)
    quality = (metrics.psnr_y(image, hr, scale), metrics.psnr(image, hr, scale), metrics.ssim_y(image, hr, scale))
    return Scores(*quality, result.density, result.cost_share)


def _finite(scores: Scores) -> dict[str, float | None]:
    return {name: value if np.isfinite(value) else None for name, value in asdict(scores).items()}
