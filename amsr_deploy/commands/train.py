"""What `amsr train` does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from amsr_deploy import models
from amsr_deploy.commands.messages import setting
from amsr_deploy.errors import UserError
from amsr_deploy.interrupts import exit_code
from amsr_deploy.models.checkpoint import make_nearest, read_checkpoint
from amsr_deploy.training.config import Config, check_length, scaled_rate
from amsr_deploy.training.distributed import world_from_environment
from amsr_deploy.training.loop import SAVE_MINUTES, train
from amsr_deploy.training.report import default_reporters
from amsr_deploy.training.run_folder import RunFolder, read_config
from amsr_deploy.training.status import Reporter

DIMENSIONS = ("channels", "blocks")
"""Options that say how wide and how deep a network is."""


def run(out: Path, resume: bool, tensorboard: bool | None, save_minutes: float | None, **options: Any) -> int:
    """Train, show progress, say how to continue, and return the exit code.

    Args:
        out: folder of the run.
        resume: continue from its checkpoint.
        tensorboard: see `default_reporters`.
        save_minutes: see `train`; None is the default.
        options: the other options of the command line by name; None means not given.

    Raises:
        AmsrError: see `train`.
    """
    config = settings(out, resume, options)
    is_main = world_from_environment().is_main
    reporter = default_reporters(out, tensorboard, setting("quiet")) if is_main else Reporter()
    try:
        result = train(config, out, resume, reporter, SAVE_MINUTES if save_minutes is None else save_minutes)
        if result.signal is not None:
            reporter.message(f"stopped at step {result.step}; continue with: amsr train --out {out} --resume")
            return exit_code(result.signal)
        reporter.message(f"{result.weights} holds the weights")
        return 0
    finally:
        reporter.close()


def settings(out: Path, resume: bool, options: dict[str, Any]) -> Config:
    """Make the settings that the options ask for: new ones, or those of the run, moved to this machine.

    Raises:
        UserError: options that cannot be combined.
    """
    given = translate(options)
    check_length(given)
    source = given.pop("config", None)
    if resume:
        if source or "init" in given:
            raise UserError("--resume uses the run's own settings and cannot be combined with --config or --init")
        config = RunFolder(out).read_config()
        return config.moved(**as_fields(given, config, ""))
    if source:
        config = read_config(Path(source))
        if given.get("backbone", config.backbone) != config.backbone:
            raise UserError(f"{source} holds the settings of {config.backbone}; leave out --backbone or --config")
        if "batch_size" in given:
            rate = scaled_rate(config.learning_rate, config.batch_size, given["batch_size"])
            given.setdefault("learning_rate", rate)
        if "steps" in given:
            given["minutes"] = None
        return replace(config, **as_fields(given, config, ", or give --masks"))
    given |= dimensions(given)
    missing = [f"--{name}" for name in ("backbone", "data") if name not in given]
    if missing:
        raise UserError(f"{' and '.join(missing)} not given; see amsr train --help")
    return Config.of(**given)


def dimensions(given: dict[str, Any]) -> dict[str, Any]:
    """Choose backbone, scale and dimensions: those of the options, else those of the checkpoint's network.

    Args:
        given: options by name; `channels` and `blocks` are taken out.

    Raises:
        UserError: a network that has no such dimension, or a checkpoint of other ones.
        ModelError: a checkpoint that cannot be used, or of another backbone.
    """
    wanted = {name: given.pop(name) for name in DIMENSIONS if name in given}
    if "init" not in given:
        if wanted and "backbone" in given:
            models.check_dimensions(given["backbone"], wanted)
        return {"dimensions": wanted}
    network = make_nearest(read_checkpoint(Path(given["init"])), given.get("backbone"), given.get("scale"))
    found = {name: value for name, value in network.dimensions.items() if name != "scale"}
    for name, value in wanted.items():
        if found.get(name) != value:
            has = found.get(name, "none")
            raise UserError(f"--{name} {value} contradicts {given['init']}, which has {has}; leave it out")
    return {"backbone": models.name_of(network), "scale": given.get("scale", network.scale), "dimensions": found}


def translate(options: dict[str, Any]) -> dict[str, Any]:
    """Translate the given options into the names and types of `Config.of`."""
    given = {name: str(value) if isinstance(value, Path) else value for name, value in options.items()}
    given = {name: value for name, value in given.items() if value not in (None, ())}
    if "data" in given:
        given["data"] = tuple(map(str, given["data"]))
    if given.pop("uniform_patches", False):
        given["texture"] = False
    return given


def as_fields(given: dict[str, Any], config: Config, otherwise: str) -> dict[str, Any]:
    """Turn options into fields of a Config.

    Args:
        given: options by name.
        config: the settings whose fields they shall replace.
        otherwise: what else can be done about a dilation.

    Raises:
        UserError: a dilation without its schedule, or a dimension that the network has not.
    """
    if "dilation" in given or "fixed_mask" in given:
        raise UserError(f"the run has a mask schedule of its own; leave out --dilation and --fixed-mask{otherwise}")
    wanted = {name: value for name, value in given.items() if name in DIMENSIONS}
    models.check_dimensions(config.backbone, wanted)
    usual = models.usual_dimensions(config.backbone) | config.dimensions
    changed = {name: value for name, value in wanted.items() if value != usual[name]}
    fields = {name: value for name, value in given.items() if name not in DIMENSIONS}
    return fields | {"dimensions": config.dimensions | changed}
