"""The validation of a training says what `amsr eval` says of its weights."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import amsr_deploy
from amsr_deploy.descriptor import describe
from amsr_deploy.evaluation.evaluate import evaluate
from amsr_deploy.models.checkpoint import read_network
from amsr_deploy.runtime.shipped import shipped_weights
from amsr_deploy.training.pictures import read_pictures
from amsr_deploy.training.validation import SMALLEST, Validator


@pytest.mark.parametrize("backbone", ["disp", "swinir"])
def test_validation_gives_the_figure_of_the_evaluation(backbone: str, folder: Path) -> None:
    description = describe(backbone)
    pairs = read_pictures([folder], SMALLEST, scale=4).pairs
    network = read_network(shipped_weights(backbone, 4))
    validator = Validator(pairs, description.dilation, description.size_multiple, torch.device("cpu"))
    upscaler = amsr_deploy.load(backbone, scale=4, device="cpu", precision="float32")
    expected = evaluate(upscaler, folder.iterdir(), fail=pytest.fail).mean.psnr_y
    validation = validator.measure(network, dict(network.state_dict()), step=1)
    assert validation.psnr_y == pytest.approx(expected, abs=0.002)
    assert [crop.shape for crop in validation.crops] == [(128, 320, 3), (128, 256, 3)]
