"""Settings of trainings that take a moment."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from amsr_deploy import models
from amsr_deploy.training import dithers, screens, synthetic
from amsr_deploy.training.config import Config
from amsr_deploy.training.data import Batch, PatchSampler


def quick_config(folder: Path) -> Config:
    """A few steps of FSRCNN on tiny patches, in float32."""
    return Config.of(
        "fsrcnn",
        str(folder),
        dilation=3,
        steps=8,
        batch_size=4,
        patch_size=8,
        validate_every=100,
        reductions=(1.0, 0.5),
        synthetic=0.0,  # their pictures take longer than the training
        device="cpu",
        precision="float32",
    )


def small_network(backbone: str) -> torch.nn.Module:
    """A network with the same weights each time, SwinIR with two layers only."""
    torch.manual_seed(0)
    network = models.create(backbone)
    if backbone == "swinir":
        network.layers = network.layers[:1]
        network.layers[0].residual_group.blocks = network.layers[0].residual_group.blocks[:2]
    return network


def draw(sampler: PatchSampler, count: int, seed: int, share: slice = slice(None)) -> Batch:
    """A share of a batch, as a training on a CPU makes it."""
    return sampler.crop(sampler.numbers(count, torch.Generator().manual_seed(seed))[share])


def draw_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a training draw a synthetic picture of each kind only."""
    for module in (synthetic, dithers, screens):
        monkeypatch.setattr(module, "COUNT", 5)
