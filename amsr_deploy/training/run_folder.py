"""The folder of a run: its settings, its newest checkpoint, its weights to use.

    config.json           settings, versions, pictures with their digests: what reproduces the run
    state.safetensors     weights, averaged weights and optimiser moments: what `--resume` reads
    weights.safetensors   averaged weights under the names of the network: what users take
    .lock                 held by the training that writes to the folder

Files are written under another name first and renamed, so that a reader never sees an incomplete one.
"""

from __future__ import annotations

import errno
import json
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout
from safetensors import SafetensorError
from safetensors.torch import save
from torch import Tensor

from amsr_deploy.errors import TrainingError, UserError
from amsr_deploy.files import replacing
from amsr_deploy.models.checkpoint import MASKS, TRAINED_FOR, read_tensors
from amsr_deploy.training.clock import Clock, read_amount
from amsr_deploy.training.config import Config, config_from_json
from amsr_deploy.training.pictures import File
from amsr_deploy.training.trainer import Trainer
from amsr_deploy.versions import versions
from amsr_deploy.wording import first_line

CONFIG, STATE, WEIGHTS, LOCK = "config.json", "state.safetensors", "weights.safetensors", ".lock"


class RunFolder:
    """The folder that a training writes to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.weights = path / WEIGHTS

    @property
    def has_state(self) -> bool:
        """Whether there is a checkpoint to resume from."""
        return (self.path / STATE).is_file()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other trainings out of the folder, which is made where it is missing.

        Where nothing of a run is in it at the end, the lock goes, and so do the folders that were made.

        Raises:
            TrainingError: another training writes to it, or the folder cannot be written to.
        """
        made = [folder for folder in (self.path, *self.path.parents) if not folder.exists()]
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.path / LOCK).acquire(timeout=0)
            (self.path / LOCK).stat()  # a training that was refused may have removed it in between
        except Timeout as error:
            raise TrainingError(
                f"another training writes to {self.path}; wait for its end, or choose another `out`"
            ) from error
        except OSError as error:
            raise TrainingError(f"{self.path} cannot be written to ({error.strerror})") from error
        with lock:
            try:
                yield
            finally:
                if not (self.path / CONFIG).exists():
                    self._remove(made)

    def _remove(self, made: list[Path]) -> None:
        """Remove the lock, and the folders that were made, as far as nothing else is in them."""
        with suppress(OSError):  # Windows keeps a file that is open
            (self.path / LOCK).unlink()
            for folder in made:
                folder.rmdir()

    def check_start(self, backbone: str, resume: bool) -> None:
        """Check that a backbone can be trained in this folder.

        Raises:
            TrainingError: a new run over an old one, nothing to resume, or another backbone than that of the run.
        """
        if resume:
            own = self.read_config().backbone
            if own != backbone:
                raise TrainingError(f"{self.path} holds a run of {own}, not of {backbone}; choose another `out`")
        elif self.has_state or self.weights.exists():
            raise TrainingError(
                f"{self.path} holds a run already; set `resume` to continue it, or choose another `out`"
            )

    def read_config(self) -> Config:
        """Read the settings of the run in this folder.

        Raises:
            TrainingError: there is no checkpoint or it cannot be read.
        """
        if not self.has_state:
            raise TrainingError(f"{self.path} holds no checkpoint ({STATE}) to resume; leave out `resume` to start")
        return read_config(self.path / CONFIG)

    def write_config(self, config: Config, facts: dict[str, Any]) -> None:
        """Write the settings together with facts that describe the run.

        Raises:
            TrainingError: the folder cannot be written to.
        """
        used = versions("numpy", "pillow", "safetensors") | {"torch": torch.__version__}
        content = {"settings": asdict(config), "versions": used, **facts}
        write(self.path / CONFIG, json.dumps(content, indent=2).encode())

    def check_pictures(self, files: list[File]) -> None:
        """Raise TrainingError unless the run in this folder saw these same pictures, in the same order."""
        recorded = self._pictures()
        current = [(file.name, file.sha256) for file in files]
        if recorded == current:
            return
        one, other = Counter(recorded), Counter(current)
        if changed := sorted({name for name, _ in (one - other) + (other - one)}):
            raise TrainingError(
                f"{len(changed)} training pictures differ from those of the run, first {changed[0]}; restore them, "
                f"or start a new run with `init` {self.weights}"
            )
        raise TrainingError("the training pictures come in another order than in the run; give `data` in its order")

    def _pictures(self) -> list[tuple[str, str]]:
        """Read name and digest of each picture that the run saw."""
        path = self.path / CONFIG
        try:
            return [(str(entry["name"]), str(entry["sha256"])) for entry in _read_json(path)["pictures"]]
        except (KeyError, TypeError) as error:
            raise TrainingError(f"{path} does not name the pictures of the run; start a new one") from error

    def save(self, trainer: Trainer, config: Config, clock: Clock) -> None:
        """Write a checkpoint and the averaged weights.

        Args:
            trainer: what to save.
            config: the settings of the run.
            clock: the time that the training has taken so far, which is saved too.

        Raises:
            TrainingError: weights that are not finite, or a full disk; the earlier checkpoint stays.
        """
        if not trainer.is_finite():
            raise self.not_finite(trainer.steps)
        facts = {
            "steps": str(trainer.steps),
            "backbone": config.backbone,
            "scale": str(config.scale),
            MASKS: config.masks,
            TRAINED_FOR: "photo" if config.degraded else "clean",
        }
        write(self.path / STATE, serialize(trainer.state(), facts | clock.state()))
        write(self.weights, serialize(trainer.average, facts))

    def restore(self, trainer: Trainer, clock: Clock) -> None:
        """Bring a trainer and its clock to the newest checkpoint.

        Raises:
            TrainingError: it cannot be read or belongs to another network.
        """
        path = self.path / STATE
        try:
            state, facts = read_tensors(path)
            trainer.load_state(state, int(read_amount(facts, "steps")))
            clock.load_state(facts)
        except (SafetensorError, OSError, KeyError, RuntimeError, ValueError) as error:
            reason = f"without {error}" if isinstance(error, KeyError) else first_line(error)
            raise TrainingError(f"{path} is not a checkpoint of this run ({reason}); start a new one") from error

    def not_finite(self, step: int) -> TrainingError:
        """Make the error of a training that has diverged: what there is, and what to do."""
        kept = f"{self.path} keeps the last good checkpoint" if self.has_state else "no checkpoint was written yet"
        return TrainingError(
            f"the loss is not finite at step {step}; {kept}: "
            "start again with a lower `learning_rate` or with `precision` float32"
        )


def read_config(path: Path) -> Config:
    """Read the settings in the config.json of a run.

    Raises:
        TrainingError: no such file, another kind of file, or settings that do not fit this version.
    """
    settings = _read_json(path).get("settings")
    if not isinstance(settings, dict):
        raise TrainingError(f"{path} holds no settings of a training")
    try:
        return config_from_json(settings)
    except UserError as error:
        raise TrainingError(f"{path}: {error}") from error


def serialize(tensors: dict[str, Tensor], facts: dict[str, str]) -> bytes:
    """Write tensors and facts as a safetensors file, which holds contiguous tensors only."""
    return save({name: value.contiguous() for name, value in tensors.items()}, facts)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise TrainingError(f"{path} cannot be read as the settings of a training ({error})") from error
    return content if isinstance(content, dict) else {}


def write(path: Path, content: bytes) -> None:
    """Write a file completely or not at all.

    Raises:
        TrainingError: the disk is full or the folder cannot be written to.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary, temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        goes_on = "set `resume`" if RunFolder(path.parent).has_state else "start again"
        advice = f"; free space there and {goes_on}" if error.errno == errno.ENOSPC else ""
        raise TrainingError(f"{path} cannot be written ({error.strerror}){advice}") from error
