"""torch.compile, which trainings on a GPU use, changes the speed of a step and nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from training_cases import quick_config, small_network

from amsr_deploy import models
from amsr_deploy.models import Network
from amsr_deploy.training.data import Batch
from amsr_deploy.training.trainer import Trainer

CPU = torch.device("cpu")


@pytest.mark.slow
@pytest.mark.parametrize("backbone", ["fsrcnn", "swinir"])
def test_a_compiled_step_has_the_same_gradients(backbone: str, folder: Path) -> None:
    batch = Batch(torch.rand(2, 3, 16, 16), torch.rand(2, 3, 64, 64), torch.rand(2, 1, 16, 16) < 0.3)
    config = replace(quick_config(folder), backbone=backbone)
    trainers = [Trainer(small_network(backbone), replace(config, compile=compile), CPU) for compile in (False, True)]
    losses = [trainer.backward(batch) for trainer in trainers]
    torch.testing.assert_close(losses[1], losses[0])
    for (name, expected), actual in zip(
        trainers[0].network.named_parameters(), trainers[1].network.parameters(), strict=True
    ):
        torch.testing.assert_close(actual.grad, expected.grad, msg=name)


def test_layers_that_are_alike_are_compiled_once() -> None:
    """SwinIR has 24 layers of two kinds, and compiling the whole of it takes minutes."""
    network: Network = models.create("swinir")
    graphs: list[torch.fx.GraphModule] = []

    def count(graph: torch.fx.GraphModule, _: object) -> torch.fx.GraphModule:
        graphs.append(graph)
        return graph

    parts = network.compiled_parts()
    for part in parts:
        part.compile(backend=count)
    network(torch.rand(1, 3, 16, 16), torch.rand(1, 1, 16, 16) < 0.3)
    assert len(parts) == 24
    assert len(graphs) == 2


@pytest.mark.parametrize("backbone", ["fsrcnn", "carn", "srresnet", "swinir"])
def test_a_network_is_one_graph(backbone: str) -> None:
    """A break in it would cost small networks launches, and fusion across it."""
    network = small_network(backbone)
    inputs = torch.rand(1, 3, 16, 16), torch.rand(1, 1, 16, 16) < 0.3
    traced = torch.compile(network, backend="eager", fullgraph=True)
    torch.testing.assert_close(traced(*inputs), network(*inputs))
