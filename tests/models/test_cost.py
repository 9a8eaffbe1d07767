"""The cost counter reproduces published figures and follows the mask."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from numpy.typing import NDArray

from amsr_deploy import models
from amsr_deploy.mask import compute_mask
from amsr_deploy.metadata import Cost
from amsr_deploy.models.cost import count_cost


@pytest.mark.parametrize(
    ("name", "dense", "body"),
    [
        ("carn", 563_904, 350_208),
        ("fsrcnn", 24_336, 5_184),
        ("srresnet", 2_536_128, 32 * 9 * 64 * 64),
        ("disp", 163_168, 148_480),
    ],
)
def test_dense_macs_per_pixel(name: str, dense: int, body: int) -> None:
    cost = count_cost(models.create(name))
    assert cost.dense == dense
    assert cost.body == body


def test_swinir_macs_per_pixel() -> None:
    attention = 3 * 60 * 60 + 60 * 60 + 2 * 64 * 60
    mlp = 2 * 60 * 120
    convolutions = 9 * (3 * 60 + 5 * 60 * 60 + 60 * 48)
    assert count_cost(models.create("swinir")) == Cost(fixed=convolutions, body=24 * (attention + mlp))


@given(density=st.floats(0, 1))
def test_share_is_linear_in_density(density: float) -> None:
    cost = Cost(fixed=19_152, body=5_184)
    assert cost.share(1) == 1
    assert cost.share(density) == pytest.approx((cost.fixed + density * cost.body) / cost.dense)


def test_masked_cost_of_a_photo(photo: NDArray[np.float32]) -> None:
    cost = count_cost(models.create("carn"))
    mask = compute_mask(photo)
    masked = sum(213_696 + 350_208 * bool(pixel) for pixel in mask.pixels.flat)
    assert cost.masked(mask.density) * mask.pixels.size == pytest.approx(masked)
