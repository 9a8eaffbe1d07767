"""`amsr eval`: the figures, the table, the JSON, bad pictures."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from conftest import OSPREY
from PIL import Image

from amsr_deploy import models
from amsr_deploy.cli import main
from amsr_deploy.commands.eval import EvalOptions
from amsr_deploy.errors import ImageError
from amsr_deploy.evaluation import metrics
from amsr_deploy.evaluation.evaluate import evaluate
from amsr_deploy.export.onnx import export_onnx
from amsr_deploy.runtime.upscaler import load

KEYS = {"psnr_y", "psnr_rgb", "ssim", "density", "cost_share"}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """FSRCNN as it starts: close to bilinear upsampling."""
    path = tmp_path_factory.mktemp("model") / "fsrcnn.onnx"
    export_onnx(models.create("fsrcnn"), path)
    return path


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Two parts of a real photo; the sides of the second are no multiples of 4."""
    folder = tmp_path / "photos"
    folder.mkdir()
    with Image.open(OSPREY) as photo:
        photo.crop((120, 30, 280, 158)).save(folder / "a.png")
        photo.crop((200, 60, 331, 189)).save(folder / "b.png")
    return folder


def test_scores_are_those_of_the_upscaled_reduction(model: Path, photos: Path) -> None:
    upscaler = load(model, dilation=3)
    scores = evaluate(upscaler, [photos / "b.png"], pytest.fail).pictures["b.png"]
    with Image.open(photos / "b.png") as photo:
        hr = photo.convert("RGB").crop((0, 0, 128, 128))
    lr = np.array(hr.resize((32, 32), Image.Resampling.BICUBIC))
    upscaled = upscaler.upscale(lr)
    assert scores.psnr_y == pytest.approx(metrics.psnr_y(upscaled, np.array(hr), border=4))
    assert scores.psnr_rgb == pytest.approx(metrics.psnr(upscaled, np.array(hr), border=4))
    assert scores.ssim == pytest.approx(metrics.ssim_y(upscaled, np.array(hr), border=4))
    assert scores.density == pytest.approx(upscaler.mask(lr).density)
    assert 0 < scores.cost_share < 1


def test_a_bad_picture_does_not_stop_the_others(model: Path, photos: Path) -> None:
    (photos / "broken.png").write_bytes(b"no picture")
    Image.new("RGB", (19, 61)).save(photos / "small.png")
    errors: list[Exception] = []
    evaluation = evaluate(load(model), sorted(photos.iterdir()), errors.append)
    assert list(evaluation.pictures) == ["a.png", "b.png"]
    assert ["broken.png" in str(errors[0]), "19x61" in str(errors[1])] == [True, True]
    with pytest.raises(ImageError, match="no picture"):
        evaluate(load(model), [photos / "broken.png"], errors.append)


def test_where_all_pictures_fail_each_says_why(model: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"no picture")
    result = CliRunner().invoke(main, ["eval", "--model", str(model), "--data", str(tmp_path)])
    assert result.exit_code == 1
    assert "broken.png" in result.stderr
    assert "no picture could be measured" in result.stderr


def test_equal_pictures_have_no_psnr_in_json(model: Path, tmp_path: Path) -> None:
    Image.new("RGB", (64, 64), (0, 0, 0)).save(tmp_path / "black.png")
    content = json.dumps(evaluate(load(model), [tmp_path / "black.png"], pytest.fail).to_json(), allow_nan=False)
    assert json.loads(content)["mean"]["density"] == 0


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["eval", *map(str, arguments)])
    return result.exit_code, result.stdout


def test_json_has_means_for_every_setting(model: Path, photos: Path) -> None:
    code, out = run("--model", model, "--data", photos, "--dilation", "1,5", "--json", "-")
    content = json.loads(out)
    assert code == 0
    assert content["mean"] == content["runs"][0]["mean"]
    assert [run["dilation"] for run in content["runs"]] == [1, 5]
    assert all(set(run["mean"]) == KEYS for run in content["runs"])
    assert content["runs"][0]["mean"]["density"] < content["runs"][1]["mean"]["density"]
    values = [picture["ssim"] for picture in content["runs"][0]["pictures"]]
    assert content["mean"]["ssim"] == pytest.approx(np.mean(values))


def test_a_table_shows_pictures_and_mean(model: Path, photos: Path, tmp_path: Path) -> None:
    (photos / "broken.png").write_bytes(b"no picture")
    code, out = run("--model", model, "--data", photos, "--json", tmp_path / "figures.json")
    assert code == 1
    assert all(word in out for word in ("a.png", "b.png", "mean", "dilation 5"))
    assert len(json.loads((tmp_path / "figures.json").read_text())["runs"][0]["pictures"]) == 2


def test_runs_for_each_setting_of_the_mask(tmp_path: Path) -> None:
    settings = {"scale": None, "threshold": 0.4, "strategy": "fixed", "tile": 64}
    options = EvalOptions(tmp_path, **settings)
    assert options.runs() == [settings]
    assert replace(options, dilations=(1, 3), dense=True).runs() == [
        {**settings, "dilation": 1},
        {**settings, "dilation": 3},
        {**settings, "dense": True, "threshold": None, "strategy": "kmeans"},
    ]


def test_strategy_and_tile_reach_the_upscaler(model: Path, photos: Path) -> None:
    settings = ("--model", model, "--data", photos, "--json", "-")
    densities = {
        strategy: json.loads(run(*settings, "--strategy", strategy)[1])["mean"]["density"]
        for strategy in ("kmeans", "median")
    }
    assert densities["kmeans"] != densities["median"]
    tiled, whole = (json.loads(run(*settings, "--tile", tile)[1])["mean"]["psnr_y"] for tile in (64, 1000))
    assert tiled == pytest.approx(whole, abs=1e-3)
    assert run(*settings, "--tile", 3)[0] == 2
    assert run(*settings, "--threshold", 0.5)[0] == 2


def test_nothing_but_tables_is_printed_where_nobody_looks(model: Path, photos: Path) -> None:
    long = photos / f"{'long_name_' * 6}.png"
    (photos / "a.png").rename(long)
    result = CliRunner().invoke(main, ["eval", "--model", str(model), "--data", str(photos)])
    assert result.stderr == ""
    assert long.name in result.stdout


def test_backbone_and_model_exclude_each_other(model: Path, photos: Path) -> None:
    result = CliRunner().invoke(main, ["eval", "--model", str(model), "--backbone", "carn", "--data", str(photos)])
    assert result.exit_code == 2
    assert "--backbone carn" in result.stderr
