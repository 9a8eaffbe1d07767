"""Several processes learn what one would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from training_cases import draw, quick_config

from amsr_deploy import models
from amsr_deploy.cli import main
from amsr_deploy.errors import TrainingError, UserError
from amsr_deploy.training.config import Config
from amsr_deploy.training.data import PatchSampler
from amsr_deploy.training.distributed import World, connected, world_from_environment
from amsr_deploy.training.loop import train
from amsr_deploy.training.pictures import read_pictures
from amsr_deploy.training.trainer import Trainer

ROOT = Path(__file__).parents[2]
CPU = torch.device("cpu")
PROCESSES = 2


def gradients(config: Config, world: World) -> dict[str, torch.Tensor]:
    """Gradients of the first batch of a training, as one process sees them."""
    torch.set_num_threads(1)
    torch.manual_seed(world.rank)  # rank 0's weights must reach the others
    trainer = Trainer(models.create(config.backbone), config, CPU, world)
    sampler = PatchSampler(read_pictures([Path(config.data[0])], config.patch_size, 4).pairs, config.patch_size)
    share = world.share(config.batch_size)
    trainer.backward(draw(sampler, config.batch_size, 0, share))
    return {name: p.grad for name, p in trainer.network.named_parameters() if p.grad is not None}


def work(folder: Path, out: Path) -> None:
    """What each process of the test does: it connects twice, which must not mix up the connections."""
    world = world_from_environment()
    with connected(world, CPU):
        assert gloo_threads()
        torch.save(gradients(quick_config(folder), world), out / f"{world.rank}.pt")
        assert world.largest(world.rank * 15, CPU) == 15
        assert float(world.mean(torch.tensor(float(world.rank)))) == 0.5
    assert not gloo_threads()
    options = ["--backbone", "fsrcnn", "--data", str(folder), "--steps", "4", "--batch-size", "4", "--patch-size", "8"]
    options += ["--synthetic", "0", "--device", "cpu", "--no-tensorboard"]
    main(["train", "--out", str(out / "run"), *options])


def gloo_threads() -> list[str]:
    """Names of the threads of this process that gloo started."""
    names = [path.read_text().strip() for path in Path("/proc/self/task").glob("*/comm")]
    return [name for name in names if "gloo" in name]


def test_processes_of_torchrun_learn_what_one_would_and_write_once(folder: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(PROCESSES)]
    command += [__file__, str(folder), str(tmp_path)]
    environment = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr
    expected = gradients(quick_config(folder), World())
    for rank in range(PROCESSES):
        found = torch.load(tmp_path / f"{rank}.pt", weights_only=True)
        assert found.keys() == expected.keys()
        for name, value in expected.items():
            torch.testing.assert_close(found[name], value, rtol=1e-4, atol=1e-6, msg=name)
    run = tmp_path / "run"
    assert all(value.isfinite().all() for value in load_file(run / "weights.safetensors").values())
    assert json.loads((run / "config.json").read_text())["hardware"]["processes"] == PROCESSES
    assert sum("psnr" in line or "loss" in line for line in (run / "log.jsonl").read_text().splitlines()) == 1


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, World()),
        ({"RANK": "1"}, World()),
        ({"RANK": "", "WORLD_SIZE": "", "LOCAL_RANK": ""}, World()),
        ({"RANK": "3", "WORLD_SIZE": "1", "LOCAL_RANK": "2"}, World()),
        ({"RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1"}, World(3, 4, 1)),
        ({"RANK": "4", "WORLD_SIZE": "4"}, "RANK=4 is no process of WORLD_SIZE=4"),
        ({"RANK": "0", "WORLD_SIZE": "0"}, "RANK=0 is no process of WORLD_SIZE=0"),
        ({"RANK": "-1", "WORLD_SIZE": "2"}, "RANK='-1' is no number"),
        ({"RANK": "a", "WORLD_SIZE": "2"}, "RANK='a' is no number"),
        ({"WORLD_SIZE": "two"}, "WORLD_SIZE='two' is no number"),
        ({"WORLD_SIZE": "2", "LOCAL_RANK": "1.5"}, "LOCAL_RANK='1.5' is no number"),
    ],
)
def test_the_world_of_an_environment(
    variables: dict[str, str], expected: World | str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    if isinstance(expected, World):
        assert world_from_environment() == expected
    else:
        with pytest.raises(UserError, match=expected):
            world_from_environment()


def test_processes_that_torchrun_did_not_start_say_so(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.delenv("MASTER_ADDR", raising=False)
    with pytest.raises(
        TrainingError, match=r"2 processes cannot connect \(.*MASTER_ADDR.*\); start them with torchrun"
    ):
        train(quick_config(folder), tmp_path / "run")


def test_a_batch_that_does_not_divide() -> None:
    assert [World(rank, 3).share(6) for rank in range(3)] == [slice(0, 2), slice(2, 4), slice(4, 6)]
    with pytest.raises(UserError, match="batch size 7 does not divide among 3"):
        World(1, 3).share(7)


if __name__ == "__main__":
    work(*map(Path, sys.argv[1:]))
