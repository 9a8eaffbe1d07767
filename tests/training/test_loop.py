"""Whole trainings, of a few steps: going on, stopping, failing, reproducing."""

from __future__ import annotations

import errno
import json
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from training_cases import draw, draw_few, quick_config

from amsr_deploy import models
from amsr_deploy.commands.train import settings
from amsr_deploy.descriptor import describe
from amsr_deploy.errors import BackendError, ModelError, TrainingError, UserError
from amsr_deploy.models.checkpoint import TRAINED_FOR, read_checkpoint, read_network, read_tensors
from amsr_deploy.training import run_folder
from amsr_deploy.training.clock import Clock
from amsr_deploy.training.config import Config
from amsr_deploy.training.data import Batch, PatchSampler
from amsr_deploy.training.loop import train
from amsr_deploy.training.pictures import read_pictures
from amsr_deploy.training.report import LineReporter, Status
from amsr_deploy.training.run_folder import CONFIG, LOCK, STATE, WEIGHTS, RunFolder, read_config
from amsr_deploy.training.start import first_network
from amsr_deploy.training.trainer import Trainer
from amsr_deploy.training.validation import SMALLEST, Validation, Validator


@pytest.fixture
def config(folder: Path) -> Config:
    """A training of a few quick steps in float32."""
    return quick_config(folder)


class Stop(LineReporter):
    """Sends a signal to its own process at the first validation or status."""

    def __init__(self, number: int) -> None:
        super().__init__(lambda _: None)
        self.number = number

    def status(self, status: Status) -> None:
        if status.step < status.steps:
            os.kill(os.getpid(), self.number)


class Listener(LineReporter):
    """Keeps what it is told of the steps and of the last validation."""

    validated: Validation

    def __init__(self) -> None:
        super().__init__(lambda _: None)
        self.seen: list[Status] = []

    def status(self, status: Status) -> None:
        self.seen.append(status)

    def validation(self, validation: Validation) -> None:
        self.validated = validation


def weights_of(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "weights.safetensors")


def assert_same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> None:
    assert first.keys() == second.keys()
    for name, value in first.items():
        assert torch.equal(value, second[name]), name


def test_a_run_hands_out_weights_and_settings(config: Config, tmp_path: Path) -> None:
    result = train(config, tmp_path / "run")
    assert read_network(result.weights, "fsrcnn", scale=4).scale == 4
    assert (result.step, result.signal) == (8, None)
    content = json.loads((tmp_path / "run" / "config.json").read_text())
    assert read_config(tmp_path / "run" / "config.json") == config
    assert [entry["name"] for entry in content["pictures"]] == ["a.png", "b.png"]
    assert content["versions"]["torch"] == torch.__version__


@pytest.mark.parametrize(("degraded", "purpose"), [(False, "clean"), (True, "photo")])
def test_weights_say_what_they_were_trained_for(config: Config, tmp_path: Path, degraded: bool, purpose: str) -> None:
    result = train(replace(config, steps=1, degraded=degraded), tmp_path / "run")
    assert read_checkpoint(result.weights).facts[TRAINED_FOR] == purpose


def test_settings_reproduce_a_run(config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw_few(monkeypatch)
    config = replace(config, synthetic=0.04)
    train(config, tmp_path / "one")
    train(read_config(tmp_path / "one" / "config.json"), tmp_path / "two")
    assert_same(weights_of(tmp_path / "one"), weights_of(tmp_path / "two"))
    train(replace(config, seed=1), tmp_path / "other")
    assert not torch.equal(*(weights_of(tmp_path / run)["tail_conv.weight"] for run in ("one", "other")))


def test_step_and_seed_decide_the_batches(config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[tuple[float, ...]] = []
    crop = PatchSampler.crop

    def noting(self: PatchSampler, draws: torch.Tensor) -> Batch:
        drawn.append(tuple(draws.flatten().tolist()))
        return crop(self, draws)

    monkeypatch.setattr(PatchSampler, "crop", noting)
    config = replace(config, steps=30)
    for seed in (0, 1):
        train(replace(config, seed=seed), tmp_path / f"seed{seed}")
    whole = drawn[:30]
    assert len(set(drawn)) == len(drawn) == 60
    drawn.clear()
    assert train(config, tmp_path / "parts", reporter=Stop(signal.SIGINT)).step < 30
    train(config, tmp_path / "parts", resume=True)
    assert drawn == whole


@pytest.mark.parametrize(
    ("number", "changes"),
    [
        (signal.SIGINT, {"optimizer": "adam"}),
        (signal.SIGTERM, {"optimizer": "adam"}),
        (signal.SIGINT, {"optimizer": "muon", "backbone": "disp", "dimensions": {"channels": 8, "blocks": 1}}),
    ],
)
def test_an_interrupted_run_goes_on_bit_for_bit(
    config: Config, tmp_path: Path, number: int, changes: dict[str, Any]
) -> None:
    long = replace(config, steps=30, **changes)
    train(long, tmp_path / "whole")
    previous = signal.getsignal(number)
    stopped = train(long, tmp_path / "parts", reporter=Stop(number))
    assert stopped.signal == number
    assert 0 < stopped.step < long.steps
    assert signal.getsignal(number) == previous
    assert train(long, tmp_path / "parts", resume=True).step == long.steps
    assert_same(weights_of(tmp_path / "whole"), weights_of(tmp_path / "parts"))
    states = [load_file(tmp_path / run / "state.safetensors") for run in ("whole", "parts")]
    assert_same(*states)


def test_resume_needs_a_checkpoint_of_the_same_run(config: Config, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"no checkpoint .* to resume"):
        train(config, tmp_path / "run", resume=True)
    train(config, tmp_path / "run")
    with pytest.raises(TrainingError, match="run of fsrcnn, not of carn"):
        train(Config.of("carn", str(folder)), tmp_path / "run", resume=True)
    (folder / "b.png").unlink()
    with pytest.raises(TrainingError, match=r"1 training pictures differ .* b.png"):
        train(config, tmp_path / "run", resume=True)


def test_pictures_of_one_name_in_two_folders_are_told_apart(config: Config, folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "a.png").write_bytes((folder / "b.png").read_bytes())
    config = replace(config, data=(str(folder), str(other)))
    train(config, tmp_path / "run")
    with pytest.raises(TrainingError, match="in another order"):
        train(config.moved(data=(str(other), str(folder))), tmp_path / "run", resume=True)
    (folder / "a.png").write_bytes((folder / "b.png").read_bytes())
    with pytest.raises(TrainingError, match=r"1 training pictures differ .* a.png"):
        train(config, tmp_path / "run", resume=True)


def test_a_damaged_checkpoint_is_refused(config: Config, tmp_path: Path) -> None:
    train(config, tmp_path / "run")
    state = tmp_path / "run" / "state.safetensors"
    state.write_bytes(state.read_bytes()[:1000])
    with pytest.raises(TrainingError, match="not a checkpoint of this run"):
        train(config, tmp_path / "run", resume=True)


@pytest.mark.parametrize("lost", ["optimizer.exp_avg_sq.tail_conv.bias", "optimizer.momentum_buffer."])
def test_a_checkpoint_without_moments_is_refused(config: Config, tmp_path: Path, lost: str) -> None:
    config = replace(config, optimizer="muon", steps=1)
    train(config, tmp_path / "run")
    state, facts = read_tensors(tmp_path / "run" / "state.safetensors")
    kept = {name: value for name, value in state.items() if not name.startswith(lost)}
    save_file(kept, tmp_path / "run" / "state.safetensors", facts)
    with pytest.raises(TrainingError, match=rf"not a checkpoint of this run \(without '{lost}"):
        train(config, tmp_path / "run", resume=True)


DAMAGED: dict[str, Callable[[Tensor], Tensor]] = {
    "of one value": lambda value: value.flatten()[0],
    "of one value in a row": lambda value: torch.full((1,), value.flatten()[0]),
    "bytes": lambda value: value.to(torch.int8),
    "not finite": lambda value: value * torch.nan,
}


@pytest.mark.parametrize("damage", DAMAGED)
@pytest.mark.parametrize("kind", ["network", "average", "optimizer.exp_avg", "optimizer.momentum_buffer"])
def test_a_checkpoint_with_a_wrong_tensor_is_refused(config: Config, tmp_path: Path, kind: str, damage: str) -> None:
    config = replace(config, optimizer="muon", steps=1)
    train(config, tmp_path / "run")
    name = f"{kind}.body_conv.{'2' if 'momentum' in kind else '0.0'}.weight"
    state, facts = read_tensors(tmp_path / "run" / "state.safetensors")
    save_file(state | {name: DAMAGED[damage](state[name])}, tmp_path / "run" / "state.safetensors", facts)
    with pytest.raises(TrainingError, match=rf"not a checkpoint of this run \({name} "):
        train(config, tmp_path / "run", resume=True)


@pytest.mark.parametrize(("kind", "value"), [("step", -5), ("step", 0), ("step", 1e6), ("exp_avg_sq", -1)])
def test_a_checkpoint_with_impossible_moments_is_refused(
    config: Config, tmp_path: Path, kind: str, value: float
) -> None:
    train(replace(config, steps=1), tmp_path / "run")
    name = f"optimizer.{kind}.tail_conv.bias"
    state, facts = read_tensors(tmp_path / "run" / "state.safetensors")
    save_file(state | {name: torch.full_like(state[name], value)}, tmp_path / "run" / "state.safetensors", facts)
    with pytest.raises(TrainingError, match=rf"not a checkpoint of this run \({name} is not from "):
        train(config, tmp_path / "run", resume=True)


@pytest.mark.parametrize("fact", ["steps", "seconds", "lost_seconds"])
@pytest.mark.parametrize("value", ["-5", "nan", "9" * 4000, "9" * 20, "many"])
def test_a_checkpoint_with_a_wrong_amount_is_refused(config: Config, tmp_path: Path, fact: str, value: str) -> None:
    train(config, tmp_path / "run")
    state, facts = read_tensors(tmp_path / "run" / "state.safetensors")
    save_file(state, tmp_path / "run" / "state.safetensors", {**facts, fact: value})
    with pytest.raises(TrainingError, match="not a checkpoint of this run"):
        train(config, tmp_path / "run", resume=True)


def test_a_run_is_not_overwritten(config: Config, tmp_path: Path) -> None:
    train(config, tmp_path / "run")
    before = weights_of(tmp_path / "run")
    with pytest.raises(TrainingError, match="`resume`"):
        train(config, tmp_path / "run")
    assert_same(weights_of(tmp_path / "run"), before)


def test_training_starts_from_a_checkpoint(config: Config, tmp_path: Path) -> None:
    train(config, tmp_path / "first")
    start = str(tmp_path / "first" / "weights.safetensors")
    train(replace(config, init=start, steps=1, learning_rate=1e-12), tmp_path / "second")
    for name, value in weights_of(tmp_path / "first").items():
        torch.testing.assert_close(weights_of(tmp_path / "second")[name], value, rtol=0, atol=1e-6)


def test_a_checkpoint_of_another_backbone_is_refused(config: Config, folder: Path, tmp_path: Path) -> None:
    train(config, tmp_path / "run")
    start = str(tmp_path / "run" / "weights.safetensors")
    with pytest.raises(ModelError, match=r"weights of FSRCNN \(fsrcnn\), not of CARN \(carn\)"):
        train(Config.of("carn", str(folder), init=start), tmp_path / "carn")


def test_a_loss_that_is_no_number_keeps_the_last_checkpoint(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    healthy = Trainer.backward

    def diverge(self: Trainer, batch: object) -> torch.Tensor:
        loss = healthy(self, batch)  # type: ignore[arg-type]
        if self.steps >= 5:
            next(iter(self.network.parameters())).grad.fill_(float("nan"))  # type: ignore[union-attr]
        return loss * float("nan") if self.steps >= 6 else loss

    monkeypatch.setattr(Trainer, "backward", diverge)
    with pytest.raises(TrainingError, match=r"not finite .* last good checkpoint"):
        train(replace(config, validate_every=4), tmp_path / "run")
    assert all(value.isfinite().all() for value in weights_of(tmp_path / "run").values())
    with pytest.raises(TrainingError, match=r"not finite .* no checkpoint was written yet"):
        train(config, tmp_path / "other")


def test_weights_that_are_no_numbers_are_not_saved(config: Config, tmp_path: Path) -> None:
    trainer = Trainer(models.create("fsrcnn"), config, torch.device("cpu"))
    folder = RunFolder(tmp_path)
    folder.save(trainer, config, Clock(1, None))
    next(iter(trainer.network.parameters())).data.fill_(float("inf"))
    with pytest.raises(TrainingError, match="not finite"):
        folder.save(trainer, config, Clock(1, None))
    assert all(value.isfinite().all() for value in weights_of(tmp_path).values())


def test_a_full_disk_keeps_the_last_checkpoint(config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fill(_: int) -> None:
        if (tmp_path / "run" / "weights.safetensors").exists():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(run_folder.os, "fsync", fill)
    with pytest.raises(TrainingError, match=r"state.safetensors cannot be written \(No space left.*`resume`"):
        train(replace(config, validate_every=4), tmp_path / "run")
    monkeypatch.undo()
    assert train(replace(config, validate_every=4), tmp_path / "run", resume=True).step == 8
    assert {path.name for path in (tmp_path / "run").iterdir()} - {LOCK} == {CONFIG, STATE, WEIGHTS}


def test_a_report_that_fails_loses_no_steps(config: Config, tmp_path: Path) -> None:
    class Closed(LineReporter):
        def status(self, status: Status) -> None:
            raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        train(replace(config, steps=30), tmp_path / "run", reporter=Closed(print))
    _, facts = read_tensors(tmp_path / "run" / "state.safetensors")
    assert facts["steps"] == "20"


def test_a_folder_that_cannot_be_made(config: Config, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(TrainingError, match="cannot be written"):
        train(config, tmp_path / "file" / "run")


def test_validation_measures_the_weights_that_are_handed_out(config: Config, folder: Path, tmp_path: Path) -> None:
    config = replace(config, validation=str(folder), validate_every=4, learning_rate=0.01)
    listener = Listener()
    result = train(config, tmp_path / "run", reporter=listener)
    pairs = read_pictures([folder], SMALLEST, config.scale).pairs
    multiple = describe(config.backbone).size_multiple
    validator = Validator(pairs, config.dilation, multiple, torch.device("cpu"))
    measured = validator.measure(read_network(result.weights), weights_of(tmp_path / "run"), result.step)
    assert listener.validated.psnr_y == pytest.approx(measured.psnr_y, abs=1e-4)


def test_bad_pictures_are_reported(config: Config, folder: Path, tmp_path: Path) -> None:
    (folder / "broken.png").write_bytes(b"no picture")
    lines: list[str] = []
    train(config, tmp_path / "run", reporter=LineReporter(lines.append))
    assert any("broken.png" in line for line in lines)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there(config: Config, tmp_path: Path) -> None:
    with pytest.raises(BackendError, match="set `device` to cpu"):
        train(replace(config, device="cuda"), tmp_path / "run")


def test_unknown_device(config: Config, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="tpu"):
        train(replace(config, device="tpu"), tmp_path / "run")


def test_a_run_may_have_minutes_instead_of_steps(config: Config, tmp_path: Path) -> None:
    listener = Listener()
    result = train(replace(config, minutes=0.03, steps=1), tmp_path / "run", reporter=listener)
    last = listener.seen[-1]
    assert result.step > 1
    assert last.step == last.steps == result.step
    assert last.learning_rate < 0.1 * config.learning_rate
    assert last.dilation == config.dilation
    lines: list[str] = []
    again = train(replace(config, minutes=0.03), tmp_path / "run", resume=True, reporter=LineReporter(lines.append))
    assert again.step == result.step
    assert lines[-1] == f"the run has ended; to go on, start a new one with --init {result.weights}"


def test_the_rate_that_is_told_is_that_of_the_step(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    used: list[float] = []
    begin = Trainer.begin_step
    monkeypatch.setattr(Trainer, "begin_step", lambda self, rate: (used.append(rate), begin(self, rate)))
    listener = Listener()
    train(config, tmp_path / "run", reporter=listener)
    assert [status.learning_rate for status in listener.seen] == [used[-1]]


def test_another_scale_keeps_all_but_the_upsampler(config: Config, tmp_path: Path) -> None:
    train(config, tmp_path / "x4")
    start = str(tmp_path / "x4" / "weights.safetensors")
    lines: list[str] = []
    moved = replace(config, init=start, scale=2, steps=1, learning_rate=1e-12)
    train(moved, tmp_path / "x2", reporter=LineReporter(lines.append))
    assert f"{start} is a network of x4: the upsampler for x2 starts anew" in lines
    first, second = weights_of(tmp_path / "x4"), weights_of(tmp_path / "x2")
    for name, value in first.items():
        if not name.startswith("tail_conv."):
            torch.testing.assert_close(second[name], value, rtol=0, atol=1e-6)
    assert read_network(tmp_path / "x2" / "weights.safetensors").scale == 2


def test_the_scale_chooses_the_upsampler_of_a_checkpoint(config: Config, tmp_path: Path) -> None:
    torch.save(
        {k: v for scale in (2, 3, 4) for k, v in models.create("carn", scale=scale).state_dict().items()},
        tmp_path / "carn.pth",
    )
    torch.save(models.create("fsrcnn", scale=2).state_dict(), tmp_path / "fsrcnn.pth")
    for backbone in ("carn", "fsrcnn"):
        start, lines = tmp_path / f"{backbone}.pth", []
        given = settings(tmp_path / "run", False, {"init": start, "data": config.data, "scale": 2})
        network = first_network(given, False, lines.append)
        assert_same(network.state_dict(), read_network(start, scale=2).state_dict())
        assert lines == []


def test_another_width_than_that_of_the_checkpoint_is_named(config: Config, tmp_path: Path) -> None:
    torch.save(models.create("disp", channels=8, blocks=1).state_dict(), tmp_path / "start.pth")
    wide = replace(config, backbone="disp", init=str(tmp_path / "start.pth"), dimensions={"channels": 16, "blocks": 1})
    with pytest.raises(
        ModelError, match=r"start.pth has other dimensions than the settings: .* instead of \(16, 3, 3, 3\)"
    ):
        first_network(wide, False, print)


@pytest.mark.parametrize("backbone", ["disp", "carn", "srresnet", "swinir", "span"])
def test_every_backbone_learns(backbone: str, folder: Path, tmp_path: Path) -> None:
    settings = {"steps": 3, "batch_size": 1, "patch_size": 8, "device": "cpu", "precision": "float32"}
    config = Config.of(backbone, str(folder), masks="dense:0.5,5", synthetic=0.0, **settings)
    result = train(config, tmp_path / "run")
    torch.manual_seed(0)  # the default seed of a run
    fresh = models.create(backbone).state_dict()
    network = read_network(result.weights)
    trained = {name: parameter for name, parameter in network.named_parameters() if parameter.requires_grad}
    assert trained
    assert not [name for name, parameter in trained.items() if torch.equal(parameter, fresh[name])]


def test_a_short_training_beats_bicubic(folder: Path, tmp_path: Path) -> None:
    config = Config.of(
        "fsrcnn",
        str(folder),
        steps=400,
        batch_size=4,
        patch_size=16,
        learning_rate=1e-3,
        ema=0.98,
        synthetic=0.0,
        precision="float32",
        device="cpu",
    )
    listener = Listener()
    train(config, tmp_path / "run", reporter=listener)
    losses, bicubic = [status.loss for status in listener.seen], bicubic_loss(config)
    assert losses[0] > bicubic
    assert sum(losses[-5:]) / 5 < bicubic


def bicubic_loss(config: Config) -> float:
    """Mean L1 loss of bicubic upsampling on the batches of a training."""
    pairs = read_pictures([Path(config.data[0])], config.patch_size, 4, config.reductions).pairs
    batch = draw(PatchSampler(pairs, config.patch_size), 400, 0)
    upscaled = torch.nn.functional.interpolate(batch.lr, scale_factor=4, mode="bicubic").clamp(0, 1)
    return float((upscaled - batch.hr).abs().mean())


def test_a_processor_without_memory(config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Trainer, "backward", lambda *_: torch.empty(2**60))
    with pytest.raises(TrainingError, match=r"cpu has too little memory \(.*; use a smaller `batch_size`"):
        train(config, tmp_path / "run")


def test_a_config_without_its_pictures_is_refused(config: Config, tmp_path: Path) -> None:
    train(replace(config, steps=1), tmp_path / "run")
    path = tmp_path / "run" / "config.json"
    path.write_text(path.read_text().replace('"name"', '"title"'))
    with pytest.raises(TrainingError, match=r"config.json does not name the pictures of the run"):
        train(config, tmp_path / "run", resume=True)


def test_without_a_compiler_the_way_round_is_said(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class TritonError(RuntimeError):
        __module__ = "torch._inductor.exc"

    def fail(*_: object) -> None:
        raise TritonError("Cannot find a working triton installation\nand more")

    monkeypatch.setattr(Trainer, "backward", fail)
    with pytest.raises(BackendError, match=r"torch.compile does not work here \(Cannot find .*\); turn `compile` off"):
        train(replace(config, compile=True), tmp_path / "run")


def test_where_compiling_fails_that_nobody_asked_for_a_run_goes_on_without(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class InductorError(RuntimeError):
        __module__ = "torch._inductor.exc"

    def fail(*_: object) -> None:
        raise InductorError("no compiler")

    lines: list[str] = []
    monkeypatch.setattr(Trainer, "without_compile", lambda _: monkeypatch.undo())
    monkeypatch.setattr(Trainer, "backward", fail)
    assert train(config, tmp_path / "run", reporter=LineReporter(lines.append)).step == config.steps
    assert "torch.compile does not work here (no compiler): steps run without it" in lines


def test_checkpoints_come_as_often_as_asked_for(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved: list[int] = []
    monkeypatch.setattr(RunFolder, "save", lambda _self, trainer, *_: saved.append(trainer.steps))
    train(config, tmp_path / "often", save_minutes=0)
    assert saved == list(range(1, config.steps + 1))
    saved.clear()
    train(config, tmp_path / "seldom")
    assert saved == [config.steps]


def test_a_batch_of_another_size_has_another_learning_rate(config: Config, tmp_path: Path) -> None:
    train(config, tmp_path / "run")
    source = tmp_path / "run" / "config.json"
    moved = settings(tmp_path / "new", False, {"config": source, "batch_size": 4 * config.batch_size})
    assert moved.learning_rate == pytest.approx(2 * config.learning_rate)
    kept = settings(tmp_path / "new", False, {"config": source, "batch_size": 16, "learning_rate": 1e-3})
    assert kept.learning_rate == 1e-3
