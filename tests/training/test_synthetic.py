"""Synthetic pictures: what photos lack, the same for the same seed."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from training_cases import draw, draw_few

from amsr_deploy.errors import UserError
from amsr_deploy.training.data import PatchSampler
from amsr_deploy.training.dithers import dithered_pictures
from amsr_deploy.training.pictures import Pair, draw_pictures
from amsr_deploy.training.screens import screens
from amsr_deploy.training.synthetic import SIDE, synthetic_pictures


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """One picture of each kind."""
    draw_few(monkeypatch)


@pytest.mark.usefixtures("few")
def test_the_same_pictures_are_drawn_each_time() -> None:
    first, second = synthetic_pictures(), synthetic_pictures()
    assert all(a.tobytes() == b.tobytes() for a, b in zip(first, second, strict=True))
    assert {picture.size for picture in first} == {(SIDE, SIDE)}


def test_white_paper_and_pure_colours_are_among_them() -> None:
    pixels = np.concatenate([np.asarray(picture)[::4, ::4].reshape(-1, 3) for picture in synthetic_pictures()])
    for colour in ((255, 255, 255), (0, 0, 0), (0, 0, 255), (255, 0, 0)):
        assert (pixels == colour).all(axis=1).mean() > 0.001


@pytest.mark.usefixtures("few")
def test_pixels_that_differ_from_all_around_them_are_among_them() -> None:
    lows = [pair.lr.astype(int) for pair in draw_pictures(4)]
    steps = np.concatenate([np.abs(np.diff(low, axis=1)).reshape(-1, 3) for low in lows])
    assert (steps == 255).all(axis=1).mean() > 0.01
    assert ((steps == 255).any(axis=1) & (steps == 0).any(axis=1)).mean() > 0.01


@pytest.mark.usefixtures("few")
def test_damage_leaves_what_is_drawn_pixel_by_pixel_as_it_is() -> None:
    clean, degraded = ({pair.lr.tobytes() for pair in draw_pictures(4, damaged)} for damaged in (False, True))
    drawn = [*dithered_pictures(), *(low for _, low in screens(4))]
    assert clean & degraded == {np.asarray(picture).tobytes() for picture in drawn}
    assert len(clean) == len(degraded)


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_hr_of_a_screen_is_sharper_than_its_interpolation(scale: int) -> None:
    for high, low in screens(scale):
        small, large = (np.asarray(picture, float) for picture in (low, high))
        mean = large.reshape(len(small), scale, len(small), scale, 3).mean((1, 3))
        contrast = np.ptp(small, axis=(0, 1)).max()
        assert np.abs(mean - small).mean() < 0.03 * contrast
        assert large.std() > np.asarray(low.resize(high.size, Image.Resampling.BICUBIC), float).std()


@pytest.mark.usefixtures("few")
def test_patches_that_are_larger_than_the_pictures_are_refused() -> None:
    assert draw_pictures(2, smallest=192)
    with pytest.raises(UserError, match="`patch_size` 200 is larger than the synthetic pictures, of 192 LR pixels"):
        draw_pictures(2, smallest=200)


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_pairs_fit_each_scale(scale: int) -> None:
    for pair in draw_pictures(scale):
        assert pair.is_synthetic
        height, width, _ = pair.lr.shape
        assert pair.hr.shape == (scale * height, scale * width, 3)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5])
def test_synthetic_patches_have_their_share(share: float) -> None:
    random = np.random.default_rng(0)
    photo = Pair(random.integers(0, 250, (256, 256, 3), np.uint8), random.integers(0, 250, (64, 64, 3), np.uint8))
    drawn = Pair(np.full((512, 512, 3), 255, np.uint8), np.full((128, 128, 3), 255, np.uint8), is_synthetic=True)
    sampler = PatchSampler([photo, drawn], 8, synthetic=share)
    batch = draw(sampler, 2000, 0)
    assert abs(float((batch.lr.amin(dim=(1, 2, 3)) == 1).float().mean()) - share) < 0.04


def test_permuted_patches_keep_their_pixels() -> None:
    colours = np.array([[[10, 20, 30]]], np.uint8)
    pair = Pair(colours.repeat(32, 0).repeat(32, 1), colours.repeat(8, 0).repeat(8, 1))
    for share, orders in ((0.0, 1), (1.0, 9)):  # six orders of the colours, three greys
        batch = draw(PatchSampler([pair], 8, permuted=share), 200, 0)
        seen = {tuple((patch[:, 0, 0] * 255).round().int().tolist()) for patch in batch.lr}
        assert len(seen) == orders
        assert all(sorted(colour) == [10, 20, 30] or len(set(colour)) == 1 for colour in seen)
        torch.testing.assert_close(batch.hr[:, :, 0, 0], batch.lr[:, :, 0, 0])
