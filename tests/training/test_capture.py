"""A captured step is the step: the same losses, weights and averages, whatever changes between its calls."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from fake_graph import imitate_graphs
from torch import Tensor
from training_cases import quick_config, small_network

from amsr_deploy.descriptor import BACKBONES, describe
from amsr_deploy.training.capture import WARMUP, Repeated
from amsr_deploy.training.data import DRAWS, PatchSampler
from amsr_deploy.training.pictures import read_pictures
from amsr_deploy.training.trainer import Trainer

CPU, CUDA = torch.device("cpu"), torch.device("cuda")
STEPS = 4 + WARMUP


def trained(backbone: str, folder: Path, device: torch.device) -> tuple[list[float], dict[str, Tensor]]:
    """Losses and state after some steps with changing batches, rates and masks."""
    config = replace(quick_config(folder), backbone=backbone, optimizer=describe(backbone).optimizer)
    pairs = read_pictures([folder], config.patch_size, config.scale, config.reductions).pairs
    sampler = PatchSampler(pairs, config.patch_size, permuted=0.5)
    trainer = Trainer(small_network(backbone), config, CPU)
    draws = torch.zeros(config.batch_size, DRAWS, dtype=torch.float64)
    step = Repeated(lambda: trainer.train_on(sampler.crop(draws)), device, True, pytest.fail)
    losses = []
    for number in range(STEPS):
        sampler.set_dilation(None if number < WARMUP + 1 else 1)
        draws.copy_(sampler.numbers(config.batch_size, torch.Generator().manual_seed(number)))
        trainer.begin_step(1e-3 / (1 + number))
        losses.append(step())
    return [float(loss) for loss in losses], trainer.state()


@pytest.mark.parametrize("backbone", BACKBONES)
def test_a_captured_step_is_the_step(backbone: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    losses, state = trained(backbone, folder, CPU)
    made = imitate_graphs(monkeypatch)
    captured_losses, captured_state = trained(backbone, folder, CUDA)
    assert len(made) == 1
    assert len(made[0].calls) > 100
    assert captured_losses == pytest.approx(losses, rel=1e-5)
    assert captured_state.keys() == state.keys()
    for name, value in state.items():
        torch.testing.assert_close(captured_state[name], value, rtol=1e-4, atol=1e-6, msg=name)


def test_a_function_that_a_gpu_refuses_runs_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    imitate_graphs(monkeypatch)
    total, lines = torch.zeros(()), []

    def count() -> Tensor:
        total.add_(1)
        return total * (1 + float(total))  # asks for a value

    repeated = Repeated(count, CUDA, True, lines.append)
    results = [float(repeated()) for _ in range(WARMUP + 3)]
    assert results == [n * (1 + n) for n in range(1, WARMUP + 4)]
    assert len(lines) == 1
    assert "without a CUDA graph (operation not permitted" in lines[0]


def test_nothing_is_captured_on_a_cpu_or_where_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    made = imitate_graphs(monkeypatch)
    for device, capture in ((CPU, True), (CUDA, False)):
        total = torch.zeros(())
        repeated = Repeated(lambda total=total: total.add_(1), device, capture, pytest.fail)
        for _ in range(WARMUP + 2):
            repeated()
        assert total == WARMUP + 2
    assert not made
