"""torch.compile, which trainings on a GPU use, changes the speed of a step and nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from training_cases import quick_config, small_network

from amsr_deploy import models
from amsr_deploy.models import Network
from amsr_deploy.training.data import Batch
from amsr_deploy.training.pictures import read_pictures
from amsr_deploy.training.trainer import Trainer
from amsr_deploy.training.validation import SMALLEST, Validator

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


@pytest.fixture
def no_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets every compilation fail."""

    def fail(*_: object) -> Any:
        raise RuntimeError("no compiler")

    compile_with = torch.nn.Module.compile
    monkeypatch.setattr(torch.nn.Module, "compile", lambda module: compile_with(module, backend=fail))


@pytest.mark.usefixtures("no_compiler")
@pytest.mark.parametrize("backbone", ["fsrcnn", "swinir"])
def test_steps_run_without_a_compiler_once_they_are_told_to(backbone: str, folder: Path) -> None:
    batch = Batch(torch.rand(2, 3, 16, 16), torch.rand(2, 3, 64, 64), torch.rand(2, 1, 16, 16) < 0.3)
    trainer = Trainer(small_network(backbone), replace(quick_config(folder), backbone=backbone, compile=True), CPU)
    with pytest.raises(RuntimeError, match="no compiler"):
        trainer.backward(batch)
    trainer.without_compile()
    assert trainer.backward(batch).isfinite()


@pytest.mark.usefixtures("no_compiler")
def test_validation_compiles_nothing(folder: Path) -> None:
    """To compile for the size of each picture would take longer than to run."""
    config = replace(quick_config(folder), compile=True)
    trainer = Trainer(small_network(config.backbone), config, CPU)
    pairs = read_pictures([folder], SMALLEST, config.scale, (1.0,)).pairs
    validation = Validator(pairs, config.dilation, multiple=1, device=CPU).measure(trainer.network, trainer.average, 0)
    assert validation.psnr_y > 0


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
