"""Picture quality: known values, and agreement with independent definitions."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from amsr_deploy.errors import UserError
from amsr_deploy.evaluation import metrics


def noise(seed: int, height: int = 40, width: int = 50) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_luma_spans_the_studio_swing() -> None:
    colours = np.array([[[0, 0, 0], [255, 255, 255], [255, 0, 0]]], dtype=np.uint8)
    np.testing.assert_allclose(metrics.luma(colours)[0], [16, 235, 81.481], atol=1e-9)


@given(offset=st.integers(1, 100))
def test_psnr_of_a_constant_error(offset: int) -> None:
    image = np.full((20, 20, 3), 100, np.uint8)
    moved = (image + offset).astype(np.uint8)
    assert metrics.psnr(image, moved, border=4) == pytest.approx(20 * np.log10(255 / offset))
    assert metrics.psnr_y(image, moved, border=2) == pytest.approx(20 * np.log10(255 / (offset * 219 / 255)))


def test_equal_pictures() -> None:
    assert metrics.psnr(noise(0), noise(0), border=4) == float("inf")
    assert metrics.ssim_y(noise(0), noise(0), border=4) == pytest.approx(1)


@pytest.mark.parametrize(
    ("metric", "least"), [(metrics.psnr, 1), (metrics.psnr_y, 1), (metrics.ssim_y, metrics.SSIM_WINDOW)]
)
def test_only_what_can_be_compared_is(metric: Callable[..., float], least: int) -> None:
    side = least + 2 * 4
    assert np.isfinite(metric(noise(0, side, 40), noise(1, side, 40), 4))
    with pytest.raises(UserError, match=f"of 40x{side - 1} are too small: {least} pixels a side"):
        metric(noise(0, side - 1, 40), noise(1, side - 1, 40), 4)
    for other in (noise(1, 1, 40), noise(1, 40, 41)):  # the first of which NumPy would repeat
        with pytest.raises(UserError, match=r"of one shape are compared, not of \(40, 40"):
            metric(noise(0, 40, 40), other, 0)


@given(seed=st.integers(0, 100), border=st.integers(2, 4))
def test_the_border_does_not_count(seed: int, border: int) -> None:
    image, other = noise(seed), noise(seed + 1)
    framed = other.copy()
    framed[border:-border, border:-border] = image[border:-border, border:-border]
    assert metrics.psnr_y(image, framed, border) == float("inf")
    assert metrics.ssim_y(image, framed, border) == pytest.approx(1)
    assert metrics.psnr(image, framed, border - 1) < 100


@given(seed=st.integers(0, 20), strength=st.integers(1, 60))
def test_ssim_follows_its_definition(seed: int, strength: int) -> None:
    image = gaussian_filter(noise(seed).astype(float), (2, 2, 0)).astype(np.uint8)
    change = np.random.default_rng(seed + 100).integers(0, strength + 1, image.shape)
    other = np.clip(image + change, 0, 255).astype(np.uint8)
    x, y = (metrics.luma(picture)[4:-4, 4:-4] for picture in (image, other))

    def blur(plane: NDArray[np.float64]) -> NDArray[np.float64]:
        return gaussian_filter(plane, 1.5, truncate=3.5)  # 11 x 11

    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    mx, my = blur(x), blur(y)
    vx, vy, cov = blur(x * x) - mx**2, blur(y * y) - my**2, blur(x * y) - mx * my
    index = (2 * mx * my + c1) * (2 * cov + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))
    assert metrics.ssim_y(image, other, border=4) == pytest.approx(index[5:-5, 5:-5].mean(), abs=1e-9)
