"""The training loop (docs/architecture.md shows its parts)."""

from __future__ import annotations

import math
import platform
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from amsr_deploy.descriptor import describe
from amsr_deploy.errors import BackendError, TrainingError, UserError
from amsr_deploy.interrupts import NotedSignal
from amsr_deploy.training.batches import Batches
from amsr_deploy.training.capture import Repeated
from amsr_deploy.training.clock import Clock, Pace
from amsr_deploy.training.config import Config
from amsr_deploy.training.data import PatchSampler
from amsr_deploy.training.device import is_compile_failure, is_out_of_memory, select_device, tune
from amsr_deploy.training.distributed import World, connected, world_from_environment
from amsr_deploy.training.pictures import File, Pair, Pictures, draw_pictures, read_pictures
from amsr_deploy.training.run_folder import RunFolder
from amsr_deploy.training.schedule import learning_rate
from amsr_deploy.training.start import first_network
from amsr_deploy.training.status import Reporter, Status
from amsr_deploy.training.trainer import Trainer
from amsr_deploy.training.validation import SMALLEST, Validator
from amsr_deploy.wording import first_line

STATUS_STEPS = 20
"""Steps between two readings of the loss, each of which makes the GPU wait; between two exchanges of processes, too."""
SAVE_MINUTES = 10.0
"""A checkpoint at least this often, for networks whose steps are slow."""


@dataclass(frozen=True)
class Result:
    """How a training ended."""

    weights: Path
    """The averaged weights."""
    step: int
    """Steps made in all."""
    signal: int | None
    """The signal that stopped the training before its end."""


def train(
    config: Config,
    out: Path,
    resume: bool = False,
    reporter: Reporter | None = None,
    save_minutes: float = SAVE_MINUTES,
) -> Result:
    """Train a backbone; under `torchrun` together with the other processes.

    Args:
        config: the settings; of a resumed run those of its config.json, `moved` to this machine.
        out: folder of the run, see `amsr_deploy.training.run_folder`.
        resume: continue from the checkpoint in `out`; on a CPU the result is that of an uninterrupted run, bit for bit.
        reporter: what receives messages and figures; None reports nothing.
        save_minutes: a checkpoint at least this often.

    Raises:
        TrainingError: no usable pictures, no checkpoint to resume, another training in `out`, a loss that is not
            finite, a full disk, too little memory, processes that cannot connect.
        UserError: settings that cannot be used.
        ModelError: `config.init` is not a checkpoint of this backbone.
        BackendError: a device or precision that this machine does not have.
    """
    if not 0 <= save_minutes < math.inf:
        raise UserError(f"`save_minutes` {save_minutes:g} cannot be used; it must be 0 or more")
    world = world_from_environment()
    device = select_device(config.device, world)
    telling = reporter if reporter is not None and world.is_main else Reporter()
    folder = RunFolder(out)
    try:
        with connected(world, device), folder.locked() if world.is_main else nullcontext():
            return _Training(config, folder, resume, world, device, telling, save_minutes).run()
    except (MemoryError, RuntimeError) as error:
        if is_out_of_memory(error):
            raise TrainingError(
                f"{device} has too little memory ({first_line(error)}); use a smaller `batch_size` or fewer pictures"
            ) from error
        if is_compile_failure(error):
            reason = first_line(error)
            raise BackendError(f"torch.compile does not work here ({reason}); turn `compile` off") from error
        raise


class _Training:
    """The state of one call of `train`."""

    def __init__(
        self,
        config: Config,
        folder: RunFolder,
        resume: bool,
        world: World,
        device: torch.device,
        reporter: Reporter,
        save_minutes: float,
    ) -> None:
        self.config, self.folder, self.world, self.device, self.reporter = config, folder, world, device, reporter
        share, self.save_seconds = world.share(config.batch_size), 60 * save_minutes
        folder.check_start(config.backbone, resume)
        tune(device)
        torch.manual_seed(config.seed)
        network = first_network(config, resume, reporter.message)
        pictures = self._read("skipped", config.data, config.patch_size, config.reductions)
        self.validator = self._validator()
        self.batches = Batches(self._sampler(pictures.pairs), config.batch_size, share, config.seed)
        self.trainer = Trainer(network, config, device, world)
        self.repeat_step = Repeated(self._whole_step, device, world.size == 1, reporter.message)
        self.clock = Clock(config.steps, config.minutes)
        if resume:
            folder.check_pictures(pictures.files)
            folder.restore(self.trainer, self.clock)
        if world.is_main:
            folder.write_config(config, self._facts(pictures.files))
        self._tell_start(len(pictures.files))
        self.losses: list[Tensor] = []
        self.first, self.progress = self.trainer.steps, 0.0

    def _read(self, word: str, sources: Sequence[str], smallest: int, reductions: tuple[float, ...]) -> Pictures:
        """Read pictures, and tell which of them are skipped."""
        config = self.config
        pictures = read_pictures(list(map(Path, sources)), smallest, config.scale, reductions, config.degraded)
        for line in pictures.skipped:
            self.reporter.message(f"{word}: {line}")
        return pictures

    def _validator(self) -> Validator | None:
        """Make the validator on whole pictures; the other processes leave that to the first one."""
        if self.config.validation is None or not self.world.is_main:
            return None
        pictures = self._read("skipped in validation", [self.config.validation], SMALLEST, (1.0,))
        multiple = describe(self.config.backbone).size_multiple
        return Validator(pictures.pairs, self.config.dilation, multiple, self.device)

    def _sampler(self, pairs: list[Pair]) -> PatchSampler:
        """Make what crops patches of photos and, where the settings have them, of synthetic pictures."""
        config = self.config
        if config.synthetic:
            pairs += draw_pictures(config.scale, config.degraded, config.patch_size)
        return PatchSampler(pairs, config.patch_size, config.texture, self.device, config.permuted, config.synthetic)

    def _facts(self, files: Sequence[File]) -> dict[str, Any]:
        """List what else describes a run: the machine, what `auto` came to, the pictures."""
        name = torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else platform.machine()
        hardware = {
            "device": f"{self.device} ({name})",
            "processes": self.world.size,
            "threads": torch.get_num_threads(),
            "precision": self.trainer.precision,
            "compile": self.trainer.compile,
        }
        return {"hardware": hardware, "pictures": [asdict(file) for file in files]}

    def _tell_start(self, count: int) -> None:
        """Say what is trained from where on, and on how many pictures."""
        config = self.config
        sizes = ", ".join(f"{reduction:g}" for reduction in config.reductions)
        self.reporter.message(
            f"{config.backbone} x{config.scale}: step {self.trainer.steps} of {config.length}, "
            f"pictures: {count} (reductions {sizes}), batches of {config.batch_size}, "
            f"{self.trainer.precision} on {self.device}"
        )

    def run(self) -> Result:
        """Make the remaining steps."""
        self.saved = time.monotonic()
        self.pace = Pace(self.first)
        self.clock.start()
        self._advance()
        with NotedSignal() as noted:
            if self.progress == 1:
                self.reporter.message(f"the run has ended; to go on, start a new one with --init {self.folder.weights}")
            while self.progress < 1:
                self._step()
                if signal := self._stopping_signal(noted):
                    self._save()
                    return Result(self.folder.weights, self.trainer.steps, signal)
        return Result(self.folder.weights, self.trainer.steps, None)

    def _step(self) -> None:
        """Make one step, and do what is due after it."""
        config, trainer, step = self.config, self.trainer, self.trainer.steps
        dilation = config.schedule.dilation_at(self.progress)
        if dilation != self.batches.sampler.dilation:
            self.batches.sampler.set_dilation(dilation)
        self.batches.choose(step)
        rate = learning_rate(step, self.progress, config.learning_rate)
        trainer.begin_step(rate)
        self.losses.append(self._step_or_fall_back())
        self._advance()
        ended = self.progress == 1
        if ended or trainer.steps % STATUS_STEPS == 0:
            self._tell(rate)
        if ended or trainer.steps % config.validate_every == 0:
            self._validate_and_save()
        elif time.monotonic() - self.saved > self.save_seconds:
            self._save()

    def _whole_step(self) -> Tensor:
        """Crop the batch that is chosen, and train on it."""
        return self.trainer.train_on(self.batches.crop())

    def _step_or_fall_back(self) -> Tensor:
        """Make a step; where torch.compile fails and was not required, make it without."""
        try:
            return self.repeat_step()
        except RuntimeError as error:
            if self.config.compile is not None or not is_compile_failure(error):
                raise
            self.reporter.message(f"torch.compile does not work here ({first_line(error)}): steps run without it")
            self.trainer.without_compile()
            return self.repeat_step()

    def _advance(self) -> None:
        """Update the progress; processes whose clocks decide it agree on it where they exchange."""
        progress = self.clock.progress(self.trainer.steps)
        if self.world.size == 1 or self.config.minutes is None:
            self.progress = progress
        elif self._is_exchange:
            self.progress = float(self.world.mean(torch.tensor(progress, device=self.device)))

    @property
    def _is_exchange(self) -> bool:
        """Whether several processes exchange what they know after this step."""
        return (self.trainer.steps - self.first) % STATUS_STEPS == 0

    def _stopping_signal(self, noted: NotedSignal) -> int:
        """Find the signal that has reached any process, or 0; several processes look where they exchange."""
        if self.world.size > 1 and not self._is_exchange:
            return 0
        signal = self.world.largest(noted.number or 0, self.device)
        return signal if self.progress < 1 else 0

    def _tell(self, rate: float) -> None:
        """Report where the training stands after a step of a learning rate.

        Raises:
            TrainingError: the loss is not finite.
        """
        step = self.trainer.steps
        loss = float(self.world.mean(torch.stack(self.losses).mean()))
        self.losses.clear()
        if not math.isfinite(loss):
            raise self.folder.not_finite(step)
        seconds = self.pace.seconds_per_step(step)
        steps = self.clock.expected_steps(step, self.progress)
        speed, left = self.config.batch_size / seconds, (steps - step) * seconds
        try:
            self.reporter.status(Status(step, steps, loss, self.batches.sampler.dilation, rate, speed, left))
        except Exception:  # such as a closed pipe
            self._save()
            raise

    def _validate_and_save(self) -> None:
        self._save()
        if self.validator:
            validation = self.validator.measure(self.trainer.network, self.trainer.average, self.trainer.steps)
            self.reporter.validation(validation)

    def _save(self) -> None:
        """Write a checkpoint; the first process does."""
        if self.world.is_main:
            self.folder.save(self.trainer, self.config, self.clock)
        self.saved = time.monotonic()
