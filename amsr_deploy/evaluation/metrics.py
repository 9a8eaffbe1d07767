"""Picture quality as super-resolution papers measure it: on 8-bit pictures, without a border of `scale` pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from amsr_deploy.errors import UserError

SSIM_WINDOW = 11
"""Side of SSIM's window in pixels."""


def luma(image: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Compute the Y channel of ITU-R BT.601, studio swing: [H, W, 3] uint8 -> [H, W] float64 in [16, 235]."""
    weighted: NDArray[np.float64] = image.astype(np.float64) @ np.array([65.481, 128.553, 24.966])
    return 16 + weighted / 255


def psnr(image: NDArray[np.generic], reference: NDArray[np.generic], border: int) -> float:
    """Compute the PSNR in dB of two arrays [H, W] or [H, W, C] in [0, 255]; infinite where they are equal.

    Raises:
        UserError: other shapes, or no pixel inside the border.
    """
    result, wanted = inside(image, reference, border)
    mean_square = float(np.mean((result - wanted) ** 2))
    return float("inf") if mean_square == 0 else float(10 * np.log10(255**2 / mean_square))


def psnr_y(image: NDArray[np.uint8], reference: NDArray[np.uint8], border: int) -> float:
    """Compute the PSNR in dB on the luma of two pictures [H, W, 3] uint8; see `psnr`."""
    return psnr(luma(image), luma(reference), border)


def ssim_y(image: NDArray[np.uint8], reference: NDArray[np.uint8], border: int) -> float:
    """Compute the structural similarity, in [-1, 1], on the luma of two pictures [H, W, 3] uint8.

    With the settings of Wang et al., "Image quality assessment: from error visibility to structural similarity", 2004:
    a Gaussian window of sigma 1.5, covariances of the whole population.

    Raises:
        ModuleNotFoundError: scikit-image is not installed.
        UserError: other shapes, or less than SSIM_WINDOW pixels a side inside the border.
    """
    from skimage.metrics import structural_similarity

    pictures = inside(luma(image), luma(reference), border, SSIM_WINDOW)
    settings = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    return float(structural_similarity(*pictures, data_range=255, **settings))  # type: ignore[no-untyped-call, unused-ignore]


def inside(
    image: NDArray[np.generic], reference: NDArray[np.generic], border: int, least: int = 1
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Take what two arrays [H, W, ...] of one shape have inside a border: at least so many pixels a side.

    Raises:
        UserError: other shapes, or smaller ones.
    """
    if image.shape != reference.shape:
        raise UserError(f"pictures of one shape are compared, not of {image.shape} and {reference.shape}")
    height, width = image.shape[:2]
    if min(height, width) - 2 * border < least:
        raise UserError(f"pictures of {width}x{height} are too small: {least} pixels a side must be inside the border")
    inner = slice(border, height - border), slice(border, width - border)
    return image[inner].astype(np.float64), reference[inner].astype(np.float64)
