"""A learned linear upsampler: it finds what is linear, keeps flat colours, beats bicubic where it learned."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from paper.linear_upsampler import LinearFit, LinearUpsampler
from PIL import Image

from amsr_deploy.errors import UserError
from amsr_deploy.evaluation import metrics


def fitted(lr: NDArray[np.float32], hr: NDArray[np.float32], where: NDArray[np.bool_]) -> LinearUpsampler:
    fit = LinearFit(hr.shape[0] // lr.shape[0])
    fit.add(lr, hr, where)
    return fit.solve()


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_a_linear_upsampling_is_found_again(scale: int) -> None:
    random = np.random.default_rng(scale)
    taps = random.normal(size=(scale**2, 25)).astype(np.float32) * 0.02
    taps[:, 12] += 1 - taps.sum(axis=1)
    lr = random.uniform(0.4, 0.6, (20, 30, 3)).astype(np.float32)
    hr = LinearUpsampler(scale, taps).upscale(lr)
    found = fitted(lr, hr, np.ones(lr.shape[:2], dtype=np.bool_))
    np.testing.assert_allclose(found.taps, taps, atol=1e-5)
    assert found.macs == 75 * scale**2


def test_flat_colours_stay_as_they_are(photo: NDArray[np.float32]) -> None:
    upsampler = fitted(photo[::4, ::4][:22], photo[:88], np.ones((22, 30), dtype=np.bool_))
    colour = np.full((6, 7, 3), (0.2, 0.5, 0.9), dtype=np.float32)
    np.testing.assert_allclose(upsampler.upscale(colour), np.broadcast_to(colour[0, 0], (24, 28, 3)), atol=1e-5)


def test_it_beats_bicubic_on_what_it_learned_from(photo: NDArray[np.float32]) -> None:
    hr = photo[:88]
    picture = Image.fromarray(np.rint(hr * 255).astype(np.uint8))
    small = picture.resize((30, 22), Image.Resampling.BICUBIC)
    lr = np.asarray(small, dtype=np.float32) / 255
    linear = fitted(lr, hr, np.ones((22, 30), dtype=np.bool_)).upscale(lr) * 255
    bicubic = np.asarray(small.resize(picture.size, Image.Resampling.BICUBIC))
    assert metrics.psnr(linear, hr * 255, 8) > metrics.psnr(bicubic, hr * 255, 8) + 0.1


def test_only_the_chosen_pixels_count() -> None:
    random = np.random.default_rng(0)
    lr = random.uniform(0.3, 0.7, (16, 24, 3)).astype(np.float32)
    hr = lr.repeat(4, axis=0).repeat(4, axis=1)
    where = np.zeros((16, 24), dtype=np.bool_)
    where[:, :12] = True
    hr[:, 48:] = random.random((64, 48, 3))
    np.testing.assert_allclose(fitted(lr, hr, where).upscale(lr)[:, :40], hr[:, :40], atol=1e-5)


def test_without_pixels_there_is_nothing_to_learn() -> None:
    with pytest.raises(UserError, match="no pixel"):
        LinearFit(4).solve()
