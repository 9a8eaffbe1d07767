"""Patches: cut where they say, the same for the same seed, more often where there is texture."""

from __future__ import annotations

import weakref
from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from training_cases import draw

from amsr_deploy.mask import compute_mask
from amsr_deploy.training.data import PatchSampler
from amsr_deploy.training.pictures import Pair

PATCH = 8


def numbered(height: int, width: int, seed: int) -> Pair:
    """A picture whose LR colours are unique, each HR pixel repeating its LR pixel's colour."""
    rng = np.random.default_rng(seed)
    lr = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Pair(lr.repeat(4, 0).repeat(4, 1), lr)


@given(
    sizes=st.lists(st.tuples(st.integers(8, 30), st.integers(8, 30)), min_size=1, max_size=3),
    seed=st.integers(0, 1000),
    dilation=st.sampled_from([1, 3, 5, None]),
)
def test_lr_hr_and_mask_of_a_patch_belong_together(
    sizes: list[tuple[int, int]], seed: int, dilation: int | None
) -> None:
    pairs = [numbered(height, width, seed + i) for i, (height, width) in enumerate(sizes)]
    sampler = PatchSampler(list(pairs), PATCH)
    sampler.set_dilation(dilation)
    batch = draw(sampler, 5, seed)
    assert batch.lr.shape == (5, 3, PATCH, PATCH)
    torch.testing.assert_close(batch.hr, batch.lr.repeat_interleave(4, 2).repeat_interleave(4, 3), rtol=0, atol=0)
    masks = {}
    for pair in pairs:
        image = pair.lr.astype(np.float32) / np.float32(255)
        mask = np.ones(image.shape[:2], bool) if dilation is None else compute_mask(image, dilation).pixels
        masks |= dict(zip(map(tuple, pair.lr.reshape(-1, 3)), mask.ravel(), strict=True))
    colours = (batch.lr * 255).round().byte().permute(0, 2, 3, 1).reshape(-1, 3).tolist()
    if len(masks) == sum(height * width for height, width in sizes):  # no colour twice
        assert [masks[tuple(colour)] for colour in colours] == batch.mask.flatten().tolist()


def test_no_picture_is_in_memory_twice() -> None:
    pairs = [numbered(40, 50, 0), numbered(20, 30, 1)]
    expected = np.concatenate([pair.hr.reshape(-1, 3) for pair in pairs])
    pictures = [weakref.ref(pair.hr) for pair in pairs]
    sampler = PatchSampler(pairs, PATCH)
    assert [picture() for picture in pictures] == [None, None]
    np.testing.assert_array_equal(sampler.hr, expected)


def test_all_eight_orientations_occur() -> None:
    lr = np.zeros((PATCH, PATCH, 3), np.uint8)
    lr[0, 1] = 255  # under eight orientations at eight places
    sampler = PatchSampler([Pair(lr.repeat(4, 0).repeat(4, 1), lr)], PATCH)
    batch = draw(sampler, 200, 0)
    counts = batch.lr[:, 0].flatten(1).argmax(dim=1).bincount(minlength=PATCH**2)
    assert (counts > 0).sum() == 8
    assert counts[counts > 0].min() > 10


def test_patches_start_everywhere() -> None:
    height, width = 20, 28
    rows, columns = np.indices((height, width), dtype=np.uint8)
    lr = np.stack((rows, columns, rows), axis=-1)
    sampler = PatchSampler([Pair(lr, lr)], PATCH, texture=False)
    corners = (draw(sampler, 5000, 0).lr[:, :2] * 255).round().amin(dim=(2, 3)).int().tolist()
    assert set(map(tuple, corners)) == set(product(range(height - PATCH + 1), range(width - PATCH + 1)))


def test_a_draw_depends_on_its_seed_only() -> None:
    sampler = PatchSampler([numbered(40, 50, 0)], PATCH)
    first, second = draw(sampler, 6, 3), draw(sampler, 6, 3)
    assert torch.equal(first.hr, second.hr)
    assert not torch.equal(first.hr, draw(sampler, 6, 4).hr)


def test_shares_make_up_the_whole_batch() -> None:
    sampler = PatchSampler([numbered(40, 50, 0), numbered(20, 30, 1)], PATCH)
    whole = draw(sampler, 6, 1)
    shares = [draw(sampler, 6, 1, slice(start, start + 2)) for start in (0, 2, 4)]
    for name in ("lr", "hr", "mask"):
        assert torch.equal(torch.cat([getattr(share, name) for share in shares]), getattr(whole, name))


@pytest.mark.parametrize(("texture", "low", "high"), [(True, 0.8, 0.999), (False, 0.35, 0.65)])
def test_texture_is_preferred_unless_refused(texture: bool, low: float, high: float) -> None:
    lr = np.full((64, 64, 3), 128, np.uint8)
    lr[:, 32:] = np.random.default_rng(0).integers(0, 256, (64, 32, 3))
    sampler = PatchSampler([Pair(lr.repeat(4, 0).repeat(4, 1), lr)], PATCH, texture)
    batch = draw(sampler, 400, 0)
    assert low < (batch.lr.std(dim=(1, 2, 3)) > 0.1).float().mean() < high
