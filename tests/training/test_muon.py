"""Muon: updates of orthogonal directions, all layers of one shape at a time."""

from __future__ import annotations

import math

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given
from torch import nn

from amsr_deploy import models
from amsr_deploy.training.config import Config
from amsr_deploy.training.muon import RMS, Muon, orthogonal
from amsr_deploy.training.trainer import make_optimizers


@given(rows=st.integers(1, 40), columns=st.integers(1, 60), seed=st.integers(0, 99))
def test_singular_values_come_close_to_one(rows: int, columns: int, seed: int) -> None:
    matrices = torch.randn(2, rows, columns, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    before = torch.linalg.svd(matrices, full_matrices=False)
    after = before.U.mT @ orthogonal(matrices) @ before.Vh.mT
    values = torch.linalg.svdvals(orthogonal(matrices))
    well_posed = 0.02 * before.S[:, :1] < before.S
    assert values[well_posed].min() > 0.3
    assert values.max() < 1.3
    off_diagonal = after - torch.diag_embed(after.diagonal(dim1=1, dim2=2))
    assert off_diagonal.abs().max() < 1e-6


def test_an_update_is_as_large_as_one_of_adam() -> None:
    torch.manual_seed(0)
    weight = nn.Parameter(torch.zeros(32, 32, 3, 3))
    weight.grad = torch.randn_like(weight) * 1e-4
    Muon([weight], lr=1e-3).step()
    assert abs(float(weight.detach().square().mean().sqrt()) / (RMS * 1e-3) - 1) < 0.2


@pytest.mark.parametrize("decay", [0, 0.5])
def test_steps_are_those_of_pytorch(decay: float) -> None:
    torch.manual_seed(0)
    start = torch.randn(24, 40)
    own, other = nn.Parameter(start.clone()), nn.Parameter(start.clone())
    optimizers = (
        Muon([own], lr=0.01, weight_decay=decay),
        torch.optim.Muon([other], lr=0.01, weight_decay=decay, adjust_lr_fn="match_rms_adamw"),
    )
    for _ in range(3):
        own.grad = torch.randn_like(own)
        other.grad = own.grad.clone()
        for optimizer in optimizers:
            optimizer.step()
    assert (own - other).norm() < 0.05 * (other - start).norm()  # PyTorch computes in bfloat16


def test_decay_bounds_a_weight_that_is_always_pushed_one_way() -> None:
    torch.manual_seed(0)
    weight = nn.Parameter(torch.randn(4, 4))
    weight.grad = torch.randn_like(weight)
    optimizer = Muon([weight], lr=0.1, weight_decay=2)
    for _ in range(200):
        optimizer.step()
    assert torch.linalg.svdvals(weight.detach()).max() < 1.3 * RMS * math.sqrt(4) / 2


def test_layers_of_all_shapes_learn() -> None:
    torch.manual_seed(0)
    layers = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1), nn.Conv2d(8, 3, 3, padding=1))
    x = torch.rand(2, 3, 8, 8)
    optimizer = Muon([layer.weight for layer in layers], lr=0.01)
    losses = []
    for _ in range(30):
        layers.zero_grad()
        loss = (layers(x) - x.flip(3)).square().mean()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.3 * losses[0]


@pytest.mark.parametrize(
    ("backbone", "learned"),
    [("disp", ".eval_conv.weight"), ("swinir", (".qkv.weight", ".attn.proj.weight", ".fc1.weight", ".fc2.weight"))],
)
def test_it_learns_kernels_and_matrices_of_the_body_and_adam_the_rest(
    backbone: str, learned: str | tuple[str, ...]
) -> None:
    network = models.create(backbone)
    named = dict(network.named_parameters())
    adam, muon = make_optimizers(network, named, Config.of(backbone, "photos", optimizer="muon"), torch.tensor(1e-3))
    taken = {
        kind: {name for name, weight in named.items() for each in kind.param_groups[0]["params"] if each is weight}
        for kind in (adam, muon)
    }
    assert taken[muon] == {name for name in named if name.endswith(learned) and not name.startswith("conv_1.")}
    assert taken[adam] == set(named) - taken[muon]
