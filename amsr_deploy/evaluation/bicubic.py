"""How good bicubic interpolation is: what a network has to beat."""

from __future__ import annotations

import numpy as np
from PIL import Image

from amsr_deploy.evaluation import metrics
from amsr_deploy.evaluation.evaluate import Scores


def score_bicubic(lr: Image.Image, picture: Image.Image, scale: int) -> Scores:
    """Compare an LR picture, enlarged by Pillow's bicubic interpolation, with its HR picture. Density and cost are 0."""
    hr, image = np.array(picture), np.array(lr.resize(picture.size, Image.Resampling.BICUBIC))
    quality = (metrics.psnr_y(image, hr, scale), metrics.psnr(image, hr, scale), metrics.ssim_y(image, hr, scale))
    return Scores(*quality, density=0.0, cost_share=0.0)
