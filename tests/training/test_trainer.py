"""One step of a training."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from training_cases import quick_config, small_network

from amsr_deploy.descriptor import LOSSES, Loss
from amsr_deploy.training.data import Batch
from amsr_deploy.training.trainer import Trainer


@pytest.mark.parametrize("loss", LOSSES)
def test_a_step_makes_the_chosen_mean_of_differences_small(loss: Loss, folder: Path) -> None:
    torch.manual_seed(0)
    batch = Batch(torch.rand(2, 3, 8, 8), torch.rand(2, 3, 32, 32), torch.ones(2, 1, 8, 8, dtype=torch.bool))
    network = small_network("fsrcnn")
    with torch.no_grad():
        difference = network(batch.lr, batch.mask) - batch.hr
    expected = difference.abs().mean() if loss == "l1" else (difference**2).mean()
    trainer = Trainer(network, replace(quick_config(folder), loss=loss), torch.device("cpu"))
    torch.testing.assert_close(trainer.backward(batch), expected)
    gradients = [parameter.grad.clone() for parameter in network.parameters() if parameter.grad is not None]
    network.zero_grad()
    difference = network(batch.lr, batch.mask) - batch.hr
    (difference.abs() if loss == "l1" else difference**2).mean().backward()
    for parameter, gradient in zip(network.parameters(), gradients, strict=True):
        torch.testing.assert_close(parameter.grad, gradient)
