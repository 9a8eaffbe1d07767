"""Damage as phones and the web do it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from amsr_deploy.evaluation import degradations
from amsr_deploy.evaluation.degradations import degrade, gaussian_noise, jpeg, shot_noise


def gradient(width: int, height: int) -> Image.Image:
    columns = np.linspace(0, 255, width, dtype=np.float32)
    return Image.fromarray(np.broadcast_to(columns[None, :, None], (height, width, 3)).astype(np.uint8))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([2, 3, 4]), st.integers(3, 20), st.integers(3, 20))
def test_the_size_is_right_and_the_seed_decides(seed: int, scale: int, width: int, height: int) -> None:
    picture = gradient(width * scale, height * scale)
    first, second = (degrade(picture, scale, np.random.default_rng(seed)) for _ in range(2))
    assert first.size == (width, height)
    assert first.mode == "RGB"
    assert first.tobytes() == second.tobytes()


def test_pictures_are_damaged_in_many_ways() -> None:
    picture = gradient(64, 64)
    results = {degrade(picture, 4, np.random.default_rng(seed)).tobytes() for seed in range(20)}
    assert len(results) == 20


def test_pictures_are_damaged_before_and_after_their_reduction(monkeypatch: pytest.MonkeyPatch) -> None:
    widths: set[int] = set()
    monkeypatch.setattr(degradations, "gaussian_noise", lambda picture, *_: (widths.add(picture.width), picture)[1])
    for seed in range(20):
        degrade(gradient(64, 64), 4, np.random.default_rng(seed))
    assert widths == {64, 16}


def test_noise_is_grey_or_coloured() -> None:
    grey = Image.new("RGB", (8, 8), (128, 128, 128))
    noisy = [np.asarray(gaussian_noise(grey, 12, np.random.default_rng(seed))) for seed in range(20)]
    assert {bool((pixels == pixels[..., :1]).all()) for pixels in noisy} == {True, False}


@pytest.mark.parametrize("sigma", [3.0, 12.0])
def test_noise_has_its_strength(sigma: float) -> None:
    grey = Image.new("RGB", (256, 256), (128, 128, 128))
    noisy = np.asarray(gaussian_noise(grey, sigma, np.random.default_rng(0)), dtype=np.float64)
    assert noisy.std() == pytest.approx(sigma, rel=0.05)
    assert noisy.mean() == pytest.approx(128, abs=0.5)


def test_a_sensor_is_noisier_in_the_light() -> None:
    dark, light = (Image.new("RGB", (256, 256), (value,) * 3) for value in (20, 200))
    spread = [np.asarray(shot_noise(picture, 10, np.random.default_rng(0))).std() for picture in (dark, light)]
    assert spread[1] / spread[0] == pytest.approx((200 / 20) ** 0.5, rel=0.1)


def test_lower_quality_differs_more() -> None:
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8))
    original = np.asarray(picture, dtype=np.float64)
    errors = [np.abs(np.asarray(jpeg(picture, quality)) - original).mean() for quality in (95, 40)]
    assert errors[0] < errors[1]
