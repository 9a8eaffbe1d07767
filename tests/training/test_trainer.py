"""One step of a training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor
from training_cases import quick_config, small_network

from amsr_deploy.descriptor import LOSSES, Loss
from amsr_deploy.training.data import Batch
from amsr_deploy.training.loss import compute_loss
from amsr_deploy.training.trainer import Trainer

FORMULAS: dict[Loss, Callable[[Tensor], Tensor]] = {
    "l1": lambda difference: difference.abs().mean(),
    "l2": lambda difference: difference.square().mean(),
    "psnr": lambda difference: 5e-4 * torch.log(1 + difference.square().mean((1, 2, 3)) / 5e-4).mean(),
}


@pytest.mark.parametrize("loss", LOSSES)
def test_a_step_makes_the_chosen_loss_small(loss: Loss, folder: Path) -> None:
    torch.manual_seed(0)
    batch = Batch(torch.rand(2, 3, 8, 8), torch.rand(2, 3, 32, 32), torch.ones(2, 1, 8, 8, dtype=torch.bool))
    network = small_network("fsrcnn")
    trainer = Trainer(network, replace(quick_config(folder), loss=loss), torch.device("cpu"))
    value = trainer.backward(batch)
    gradients = [parameter.grad.clone() for parameter in network.parameters() if parameter.grad is not None]
    network.zero_grad()
    expected = FORMULAS[loss](network(batch.lr, batch.mask) - batch.hr)
    expected.backward()
    torch.testing.assert_close(value, expected.detach())
    for parameter, gradient in zip(network.parameters(), gradients, strict=True):
        torch.testing.assert_close(parameter.grad, gradient)


def test_steps_are_those_of_adam_with_clipped_gradients_and_averaged_weights(folder: Path) -> None:
    torch.manual_seed(0)
    network, reference = small_network("fsrcnn"), small_network("fsrcnn")
    trainer = Trainer(network, replace(quick_config(folder), loss="l2", ema=0.3), torch.device("cpu"))
    adam = torch.optim.Adam(reference.parameters(), betas=(0.9, 0.99))
    average = {name: value.clone() for name, value in reference.state_dict().items()}
    for rate, kept, size in ((0.01, 2 / 11, 1), (0.02, 3 / 12, 100), (0.005, 0.3, 10)):
        batch = Batch(torch.rand(2, 3, 8, 8), size * torch.rand(2, 3, 32, 32), torch.rand(2, 1, 8, 8) < 0.5)
        trainer.begin_step(rate)
        trainer.train_on(batch)
        adam.param_groups[0]["lr"] = rate
        adam.zero_grad()
        (reference(batch.lr, batch.mask) - batch.hr).square().mean().backward()
        torch.nn.utils.clip_grad_norm_(reference.parameters(), 1.0)
        adam.step()
        average = {name: kept * average[name] + (1 - kept) * value for name, value in reference.state_dict().items()}
    torch.testing.assert_close(dict(network.state_dict()), dict(reference.state_dict()))
    torch.testing.assert_close(trainer.average, average)


def test_the_loss_psnr_pulls_at_a_patch_as_at_its_logarithm() -> None:
    hr = torch.zeros(2, 3, 8, 8)
    output = torch.full_like(hr, 0.2)
    output[1] /= 2
    output.requires_grad_()
    compute_loss("psnr", output, hr).backward()
    gradient = output.grad[:, 0, 0, 0]
    assert gradient[1] / gradient[0] == pytest.approx(2, rel=0.05)  # with squares 0.5, with absolute differences 1
