"""Networks start as a bilinear upsampling: a mask, whatever it is, changes nothing then."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from amsr_deploy import models

STARTING = ("fsrcnn", "carn", "swinir")
MARGIN = 24
"""LR pixels at the borders, where networks see zeros."""


@pytest.mark.parametrize("name", STARTING)
def test_first_weights_upsample(name: str) -> None:
    torch.manual_seed(0)
    network = models.create(name).eval().requires_grad_(False)
    image = F.interpolate(torch.rand(1, 3, 8, 8), size=(64, 64), mode="bicubic").clamp(0, 1)
    inner = slice(4 * MARGIN, -4 * MARGIN)
    bilinear = F.interpolate(image, scale_factor=4, mode="bilinear")[..., inner, inner]
    for mask in (None, torch.rand(1, 1, 64, 64) < 0.5):
        difference = (network(image, mask)[..., inner, inner] - bilinear).abs()
        assert difference.mean() < 0.02
        assert difference.max() < 0.1
