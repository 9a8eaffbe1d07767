"""Settings: defaults, ranges, what may change when a run goes on."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import save_file

from amsr_deploy import models
from amsr_deploy.commands.train import settings, translate
from amsr_deploy.descriptor import BACKBONES
from amsr_deploy.errors import AmsrError, UserError
from amsr_deploy.training.config import Config, config_from_json
from amsr_deploy.training.run_folder import STATE, RunFolder


@pytest.mark.parametrize("name", BACKBONES)
def test_defaults_are_those_of_the_backbone(name: str) -> None:
    config, descriptor = Config.of(name, "photos"), BACKBONES[name]
    assert config.dilation == descriptor.dilation
    assert config.batch_size == descriptor.batch_size
    assert config.learning_rate == descriptor.learning_rate
    assert config.schedule.dilation_at(0) is None


def test_learning_rate_follows_the_batch_size_unless_given() -> None:
    usual = Config.of("carn", "photos")
    assert Config.of("carn", "photos", batch_size=64).learning_rate == pytest.approx(2 * usual.learning_rate)
    assert Config.of("carn", "photos", batch_size=64, learning_rate=1e-3).learning_rate == 1e-3


def test_masks_from_a_checkpoint_begin_sparse() -> None:
    assert Config.of("disp", "photos", init="dense.pth").schedule.dilation_at(0) == 21


def test_fixed_mask_is_the_target_from_the_first_step() -> None:
    assert Config.of("carn", "photos", dilation=9, fixed_mask=True).schedule.dilation_at(0) == 9


@pytest.mark.parametrize(
    "given",
    [
        {"steps": 0},
        {"batch_size": -1},
        {"learning_rate": 0.0},
        {"learning_rate": float("nan")},
        {"patch_size": 20},
        {"reductions": ()},
        {"reductions": (2.0,)},
        {"ema": 1.0},
        {"scale": 5},
        {"minutes": 0.0},
        {"optimizer": "lion"},
        {"weight_decay": -1.0},
        {"weight_decay": 0.1, "optimizer": "adam"},
        {"loss": "huber"},
        {"permuted": 1.5},
        {"synthetic": 1.0},
        {"seed": -1},
        {"seed": 2**64},
        {"validate_every": 0},
        {"precision": "float8"},
        {"dilation": 4},
        {"masks": "5", "dilation": 5},
    ],
)
def test_settings_out_of_range_are_named(given: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=re.escape(str(next(iter(given.values()))))):
        Config.of("carn", "photos", **given)


def test_settings_of_an_earlier_version_have_the_defaults_of_later_ones() -> None:
    settings = asdict(Config.of("disp", "photos"))
    del settings["loss"]
    assert config_from_json(settings) == Config.of("disp", "photos")
    with pytest.raises(UserError, match="data"):
        config_from_json({name: value for name, value in settings.items() if name != "data"})


def test_json_keeps_all_settings() -> None:
    config = Config.of("swinir", "photos", steps=7, reductions=(1.0, 0.6), texture=False)
    assert config_from_json(json.loads(json.dumps(asdict(config)))) == config


def test_json_of_another_version_is_refused() -> None:
    with pytest.raises(UserError, match="momentum"):
        config_from_json({**asdict(Config.of("carn", "photos")), "momentum": 0.9})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("steps", "2"),
        ("data", "photos"),
        ("data", [1]),
        ("minutes", "2"),
        ("reductions", [1, "a"]),
        ("dimensions", [3]),
        ("dimensions", {"channels": "16"}),
        ("backbone", None),
        ("compile", 1),
        ("precision", []),
        ("precision", "float16"),
        ("optimizer", 1),
        ("loss", {}),
        ("learning_rate", 10**400),
    ],
)
def test_json_of_other_types_is_refused(name: str, value: Any) -> None:
    settings = json.loads(json.dumps(asdict(Config.of("carn", "photos")))) | {name: value}
    with pytest.raises(UserError, match=rf"`?{name}`? "):
        config_from_json(settings)


def test_a_run_may_move_but_not_change() -> None:
    config = Config.of("carn", "photos", steps=1000)
    assert config.moved(data=("elsewhere",), device="cuda", steps=1000, seed=None) == replace(
        config, data=("elsewhere",), device="cuda"
    )
    with pytest.raises(UserError, match=r"steps 2000 .* 1000"):
        config.moved(steps=2000)
    with pytest.raises(UserError, match=r"minutes 5 .* own 1000 steps"):
        config.moved(minutes=5)
    with pytest.raises(UserError, match=r"steps 2000 .* own 0.5 minutes"):
        Config.of("carn", "photos", minutes=0.5).moved(steps=2000)


def test_options_become_settings(tmp_path: Any) -> None:
    options = {
        "backbone": "fsrcnn",
        "data": (tmp_path,),
        "reductions": (1, 0.8),
        "uniform_patches": True,
        "steps": None,
    }
    config = settings(tmp_path / "run", resume=False, options=options)
    assert (config.data, config.texture, config.steps) == ((str(tmp_path),), False, 100_000)
    assert translate({"uniform_patches": False, "seed": 0}) == {"seed": 0}


@pytest.mark.parametrize(("options", "words"), [({"data": ("photos",)}, "--backbone"), ({}, "--backbone and --data")])
def test_options_that_make_no_run(tmp_path: Any, options: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words):
        settings(tmp_path, resume=False, options=options)


def test_settings_of_another_backbone_are_refused(tmp_path: Any) -> None:
    RunFolder(tmp_path).write_config(Config.of("fsrcnn", "photos"), {})
    options = {"config": tmp_path / "config.json", "seed": 3}
    assert settings(tmp_path / "again", resume=False, options=options | {"backbone": "fsrcnn"}).seed == 3
    with pytest.raises(UserError, match="holds the settings of fsrcnn"):
        settings(tmp_path / "again", resume=False, options=options | {"backbone": "carn"})


def test_the_length_that_is_given_replaces_the_other_kind(tmp_path: Path) -> None:
    options: dict[str, Any] = {"config": tmp_path / "config.json"}
    RunFolder(tmp_path).write_config(Config.of("fsrcnn", "photos", minutes=5.0), {})
    assert settings(tmp_path / "again", False, options).minutes == 5
    long = settings(tmp_path / "again", False, options | {"steps": 7})
    assert (long.steps, long.minutes) == (7, None)
    RunFolder(tmp_path).write_config(long, {})
    assert settings(tmp_path / "again", False, options | {"minutes": 2.0}).minutes == 2


@pytest.mark.parametrize("options", [{"config": "config.json"}, {"backbone": "fsrcnn", "data": ("photos",)}])
def test_a_training_has_one_length(tmp_path: Path, options: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="`steps` 7 and `minutes` 2 are two lengths"):
        settings(tmp_path, False, options | {"steps": 7, "minutes": 2.0})


def test_a_dilation_for_a_run_that_has_one_names_what_can_be_done(tmp_path: Path) -> None:
    RunFolder(tmp_path).write_config(Config.of("fsrcnn", "photos"), {})
    (tmp_path / STATE).touch()
    with pytest.raises(UserError, match=r"leave out --dilation and --fixed-mask$"):
        settings(tmp_path, resume=True, options={"dilation": 3})
    options: dict[str, Any] = {"config": tmp_path / "config.json"}
    with pytest.raises(UserError, match=r"or give --masks$"):
        settings(tmp_path / "again", resume=False, options=options | {"dilation": 3})
    assert settings(tmp_path / "again", resume=False, options=options | {"masks": "3"}).dilation == 3


def test_a_checkpoint_tells_backbone_scale_and_dimensions(tmp_path: Path) -> None:
    start = tmp_path / "start.safetensors"
    save_file(models.create("disp", scale=3, channels=12, blocks=2).state_dict(), start)
    config = settings(tmp_path / "run", False, {"init": start, "data": ("photos",)})
    assert (config.backbone, config.scale) == ("disp", 3)
    assert config.dimensions == {"channels": 12, "blocks": 2, "nearest": True}
    assert settings(tmp_path / "run", False, {"init": start, "data": ("photos",), "scale": 2}).scale == 2


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"backbone": "carn"}, r"DISP \(disp\), not of CARN \(carn\)"),
        ({"channels": 32}, "--channels 32 contradicts .*start.safetensors, which has 12"),
    ],
)
def test_options_that_contradict_a_checkpoint(tmp_path: Path, options: dict[str, Any], words: str) -> None:
    start = tmp_path / "start.safetensors"
    save_file(models.create("disp", channels=12).state_dict(), start)
    with pytest.raises(AmsrError, match=words):
        settings(tmp_path / "run", False, {"init": start, "data": ("photos",), **options})


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"backbone": "carn", "channels": 32}, "carn has no choice of channels"),
        ({"backbone": "disp", "blocks": 0}, "`blocks` 0 cannot be used"),
    ],
)
def test_dimensions_that_a_network_has_not(tmp_path: Path, options: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words):
        settings(tmp_path, False, {"data": ("photos",), **options})


def test_the_width_of_a_run_stays(tmp_path: Path) -> None:
    RunFolder(tmp_path).write_config(Config.of("disp", "photos", dimensions={"channels": 16}), {})
    (tmp_path / "state.safetensors").touch()
    for options in ({}, {"channels": 16}, {"channels": 16, "blocks": 4}):  # 4 is the usual depth
        assert settings(tmp_path, True, options).dimensions == {"channels": 16}
    for options in ({"channels": 24}, {"blocks": 5}):
        with pytest.raises(UserError, match=rf"dimensions .*{next(iter(options.values()))}.* differs"):
            settings(tmp_path, True, options)


def test_a_width_leaves_the_other_dimensions_of_a_run(tmp_path: Path) -> None:
    RunFolder(tmp_path).write_config(Config.of("disp", "photos", dimensions={"channels": 16, "blocks": 2}), {})
    options = {"config": tmp_path / "config.json", "channels": 24}
    assert settings(tmp_path / "new", False, options).dimensions == {"channels": 24, "blocks": 2}
    RunFolder(tmp_path).write_config(Config.of("fsrcnn", "photos"), {})
    with pytest.raises(UserError, match="fsrcnn has no choice of channels"):
        settings(tmp_path / "new", False, options)
