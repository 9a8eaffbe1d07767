"""Networks of colours upscale grey and transparent pictures, too, and leave no fringe."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from numpy.typing import NDArray
from picture_cases import arrays, enlarge, from_samples
from PIL import Image
from scale_cases import strips_by

from amsr_deploy.image import Picture, alpha


@given(samples=arrays(1))
def test_grey_stays_neutral(samples: NDArray) -> None:
    def tint(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        return enlarge(pixels) * np.array([1, 0.9, 0.8], dtype=np.float32)

    picture = strips_by(tint, from_samples(samples)).whole()
    assert picture.grey
    np.testing.assert_array_equal(picture.rgb[..., 0], picture.rgb[..., 1])
    np.testing.assert_array_equal(picture.rgb[..., 0], picture.rgb[..., 2])


@given(samples=arrays(4, np.uint16))
def test_upscaled_pictures_are_finite_and_in_range(samples: NDArray) -> None:
    picture = strips_by(enlarge, from_samples(samples)).whole()
    assert picture.alpha is not None
    assert picture.size == (4 * samples.shape[0], 4 * samples.shape[1]) == picture.alpha.shape
    for pixels in (picture.rgb, picture.alpha):
        assert pixels.min() >= 0
        assert pixels.max() <= 1


@pytest.mark.parametrize("value", [0, 1])
def test_uniform_alpha_stays_exact(value: int) -> None:
    picture = Picture(np.ones((5, 3, 3), np.float32) / 2, alpha=np.full((5, 3), value, np.float32))
    upscaled = strips_by(enlarge, picture).whole()
    np.testing.assert_array_equal(upscaled.alpha, np.full((20, 12), value))


def test_opaque_and_transparent_regions_stay_exact() -> None:
    alpha = np.repeat(np.array([[1, 1, 1, 0.5, 0, 0, 0]], np.float32), 4, axis=0)
    upscaled = strips_by(enlarge, Picture(np.ones((4, 7, 3), np.float32), alpha=alpha)).whole()
    assert upscaled.alpha is not None
    assert (upscaled.alpha[:, :8] == 1).all()
    assert (upscaled.alpha[:, 20:] == 0).all()
    assert ((upscaled.alpha[:, 12:16] > 0) & (upscaled.alpha[:, 12:16] < 1)).all()


def test_colour_under_transparency_leaves_no_fringe() -> None:
    """A white disc over hidden black, upscaled by a filter that mixes neighbours: white wherever it can be seen."""

    def blur(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        size = (4 * pixels.shape[1], 4 * pixels.shape[0])
        planes = [Image.fromarray(pixels[..., c]).resize(size, Image.Resampling.BICUBIC) for c in range(3)]
        return np.stack([np.array(plane) for plane in planes], axis=2)

    y, x = np.mgrid[:24, :24]
    alpha = np.clip(8.5 - np.hypot(y - 12, x - 12), 0, 1).astype(np.float32)
    rgb = np.where(alpha[..., None] > 0, 1, 0).repeat(3, axis=2).astype(np.float32)
    upscaled = strips_by(blur, Picture(rgb, alpha=alpha)).whole()
    assert upscaled.alpha is not None
    assert upscaled.rgb[upscaled.alpha > 0].min() > 0.999


@given(samples=arrays(4))
def test_fill_changes_hidden_pixels_only_and_stays_among_the_visible_colours(samples: NDArray) -> None:
    picture = from_samples(samples)
    assert picture.alpha is not None
    visible = picture.alpha > 0
    filled = alpha.fill(picture.rgb, picture.alpha)
    np.testing.assert_array_equal(filled[visible], picture.rgb[visible])
    assert np.isfinite(filled).all()
    if visible.any():
        assert (filled >= picture.rgb[visible].min(axis=0) - 1e-5).all()
        assert (filled <= picture.rgb[visible].max(axis=0) + 1e-5).all()
