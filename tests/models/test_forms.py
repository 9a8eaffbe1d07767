"""The three forms of each backbone are one network: dense, blended (training), compact (inference)."""

from __future__ import annotations

import functools

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from numpy.typing import NDArray

from amsr_deploy import models
from amsr_deploy.descriptor import BACKBONES, SCALES, describe
from amsr_deploy.mask import keep_windows, pixel_index

TOLERANCE = 1e-4


@functools.cache
def network(name: str) -> models.Network:
    """A backbone with random weights, biases included, large enough that masks matter."""
    torch.manual_seed(0)
    created = models.create(name).eval().requires_grad_(False)
    for parameter in created.parameters():
        parameter.add_(torch.randn_like(parameter) * 0.02)
    return created


@st.composite
def masks(draw: st.DrawFn, multiple: int) -> NDArray[np.bool_]:
    """Empty, full, one-pixel, border and random masks of odd sizes (in units of `multiple`)."""
    height, width = (multiple * draw(st.integers(1, 24 // multiple)) for _ in range(2))
    mask = np.zeros((height, width), dtype=np.bool_)
    kind = draw(st.sampled_from(["empty", "full", "pixel", "border", "random", "half"]))
    if kind == "full":
        mask[:] = True
    elif kind == "pixel":
        mask[draw(st.integers(0, height - 1)), draw(st.integers(0, width - 1))] = True
    elif kind == "border":
        mask[[0, -1]] = mask[:, [0, -1]] = True
    elif kind == "half":
        mask[:, width // 2 :] = True
    elif kind == "random":
        mask = np.random.default_rng(draw(st.integers(0, 2**32 - 1))).random(mask.shape) < 0.5
    return mask


def run_compact(
    created: models.Network, image: torch.Tensor, mask: NDArray[np.bool_], threshold: float
) -> torch.Tensor:
    if describe(models.name_of(created)).body == "pixels":
        return created.forward_compact(image, torch.from_numpy(pixel_index(mask)))
    kept = (torch.from_numpy(np.flatnonzero(keep_windows(mask, 8, threshold, shift))) for shift in (0, 4))
    return created.forward_compact(image, *kept)


@pytest.mark.parametrize("name", BACKBONES)
@settings(max_examples=25)
@given(sample=st.data())
def test_forms_agree(name: str, sample: st.DataObject) -> None:
    mask = sample.draw(masks(describe(name).size_multiple))
    threshold = describe(name).threshold
    image = torch.rand(1, 3, *mask.shape, generator=torch.Generator().manual_seed(1))
    compact = run_compact(network(name), image, mask, threshold)
    blended = network(name)(image, torch.from_numpy(mask)[None, None])
    torch.testing.assert_close(compact, blended, atol=TOLERANCE, rtol=0)
    if mask.all():
        torch.testing.assert_close(compact, network(name)(image), atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize("name", BACKBONES)
@pytest.mark.parametrize("scale", SCALES)
def test_forms_agree_at_every_scale(name: str, scale: int) -> None:
    torch.manual_seed(0)
    created = models.create(name, scale=scale).eval().requires_grad_(False)
    for parameter in created.parameters():
        parameter.add_(torch.randn_like(parameter) * 0.02)
    image, mask = torch.rand(1, 3, 16, 24), np.random.default_rng(1).random((16, 24)) < 0.5
    blended = created(image, torch.from_numpy(mask)[None, None])
    assert blended.shape == (1, 3, 16 * scale, 24 * scale)
    compact = run_compact(created, image, mask, describe(name).threshold)
    torch.testing.assert_close(compact, blended, atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("name", ["disp", "fsrcnn", "carn", "swinir"])
def test_networks_start_as_an_enlargement(name: str, scale: int) -> None:
    """Of a ramp of grey they make a ramp of the same slope, without a shift of the picture."""
    torch.manual_seed(0)
    created = models.create(name, scale=scale).eval()
    ramp = torch.linspace(0.2, 0.8, 32).expand(1, 3, 16, 32)
    inside = slice(8 * scale, 24 * scale)
    with torch.no_grad():
        line = created(ramp, torch.zeros(1, 1, 16, 32, dtype=torch.bool))[0, :, 8 * scale, inside].mean(dim=0)
    centres = (torch.arange(8 * scale, 24 * scale) + 0.5) / scale - 0.5
    expected = 0.2 + 0.6 * centres / 31
    assert (line - expected).abs().mean() < 0.02
    assert abs(float((line - expected).mean())) < 0.01


@pytest.mark.parametrize("name", BACKBONES)
def test_mask_matters(name: str) -> None:
    image = torch.rand(1, 3, 16, 24, generator=torch.Generator().manual_seed(2))
    empty = network(name)(image, torch.zeros(1, 1, 16, 24, dtype=torch.bool))
    assert (empty - network(name)(image)).abs().max() > 100 * TOLERANCE


@pytest.mark.parametrize("name", BACKBONES)
def test_masks_of_a_batch_are_its_own(name: str) -> None:
    images = torch.rand(3, 3, 16, 16, generator=torch.Generator().manual_seed(3))
    batch_masks = torch.rand(3, 1, 16, 16, generator=torch.Generator().manual_seed(4)) < 0.6
    batch = network(name)(images, batch_masks)
    for i in range(3):
        single = network(name)(images[i : i + 1], batch_masks[i : i + 1])
        torch.testing.assert_close(batch[i : i + 1], single, atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("fsrcnn", 24_515), ("carn", 294_171), ("srresnet", 1_517_571), ("swinir", 929_628), ("disp", 163_792)],
)
def test_parameter_count(name: str, parameters: int) -> None:
    assert sum(parameter.numel() for parameter in models.create(name).parameters()) == parameters
