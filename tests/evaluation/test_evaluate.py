"""`amsr eval`: the figures, the table, the JSON, bad pictures."""

from __future__ import annotations

import csv
import importlib.util
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from command_line import amsr
from conftest import osprey
from PIL import Image
from scale_cases import FunctionBackend, enlarged

from amsr_deploy import models
from amsr_deploy.commands.eval import EvalOptions, common_scale
from amsr_deploy.commands.eval_results import Run, points
from amsr_deploy.errors import ImageError, ModelError, UserError
from amsr_deploy.evaluation import metrics
from amsr_deploy.evaluation.evaluate import Evaluation, Scores, evaluate, evaluate_bicubic
from amsr_deploy.export.onnx import export_onnx
from amsr_deploy.metadata import Cost
from amsr_deploy.model_file import read_metadata
from amsr_deploy.runtime.loading import load
from amsr_deploy.runtime.shipped import shipped_model
from amsr_deploy.runtime.upscaler import Upscaler

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
    osprey().crop((120, 30, 280, 158)).save(folder / "a.png")
    osprey().crop((200, 60, 331, 189)).save(folder / "b.png")
    return folder


def test_scores_are_those_of_the_upscaled_reduction(model: Path, photos: Path) -> None:
    upscaler = load(model, dilation=3)
    scores = evaluate(upscaler, [photos / "b.png"], pytest.fail).pictures[photos / "b.png"]
    with Image.open(photos / "b.png") as photo:
        hr = photo.convert("RGB").crop((0, 0, 128, 128))
    lr = np.array(hr.resize((32, 32), Image.Resampling.BICUBIC))
    upscaled = upscaler.upscale(lr)
    assert scores.psnr_y == pytest.approx(metrics.psnr_y(upscaled, np.array(hr), border=4))
    assert scores.psnr_rgb == pytest.approx(metrics.psnr(upscaled, np.array(hr), border=4))
    assert scores.ssim == pytest.approx(metrics.ssim_y(upscaled, np.array(hr), border=4))
    assert scores.density == pytest.approx(upscaler.mask(lr).density)
    assert 0 < scores.cost_share < 1


def test_a_bad_picture_does_not_stop_the_others(model: Path, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    (photos / "broken.png").write_bytes(b"no picture")
    (photos / "phone.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(40))
    Image.new("RGB", (19, 61)).save(photos / "small.png")
    errors: list[Exception] = []
    evaluation = evaluate(load(model), sorted(photos.iterdir()), errors.append)
    assert list(evaluation.pictures) == [photos / "a.png", photos / "b.png"]
    for error, part in zip(errors, ("broken.png", "phone.heic is HEIC", "19x61"), strict=True):
        assert part in str(error)
    with pytest.raises(ImageError, match="no picture"):
        evaluate(load(model), [photos / "broken.png"], errors.append)


def test_pictures_of_one_name_in_two_folders_all_count(model: Path, photos: Path, tmp_path: Path) -> None:
    paths = [photos / "a.png", tmp_path / "a.png"]
    with Image.open(photos / "b.png") as other:
        other.save(paths[1])
    evaluation = evaluate(load(model), paths, pytest.fail)
    first, second = evaluation.pictures.values()
    assert evaluation.mean.psnr_y == pytest.approx((first.psnr_y + second.psnr_y) / 2)
    assert list(evaluate_bicubic(paths, 4, pytest.fail)) == paths
    assert [entry["picture"] for entry in evaluation.to_json()["pictures"]] == ["a.png", "a.png"]


def test_a_picture_that_the_model_cannot_upscale_is_named(photos: Path) -> None:
    upscaler = Upscaler(FunctionBackend(lambda pixels: np.full_like(enlarged(pixels, 4), np.nan)))
    with pytest.raises(ModelError, match=r"a\.png: the network's output is not finite"):
        evaluate(upscaler, sorted(photos.iterdir()), pytest.fail)


def test_where_all_pictures_fail_each_says_why(model: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"no picture")
    result = amsr("eval", "--model", model, "--data", tmp_path)
    assert result.exit_code == 1
    assert "broken.png" in result.stderr
    assert "no picture could be measured" in result.stderr


def test_equal_pictures_have_no_psnr_in_json(model: Path, tmp_path: Path) -> None:
    Image.new("RGB", (64, 64), (0, 0, 0)).save(tmp_path / "black.png")
    content = json.dumps(evaluate(load(model), [tmp_path / "black.png"], pytest.fail).to_json(), allow_nan=False)
    assert json.loads(content)["mean"]["density"] == 0


@pytest.mark.parametrize(
    ("flat", "names"), [(["black"], "black.png"), (["black", "grey", "white"], "black.png and 2 more")]
)
def test_why_a_mean_is_infinite_is_said(model: Path, photos: Path, flat: list[str], names: str) -> None:
    options = ["eval", "--model", model, "--data", photos, "--json", "-"]
    assert amsr(*options).stderr == ""
    for name in flat:
        Image.new("RGB", (64, 64), name).save(photos / f"{name}.png")
    result = amsr(*options)
    mean = json.loads(result.stdout)["bicubic"]["mean"]
    assert result.exit_code == 0
    assert result.stderr.startswith(f"amsr: bicubic interpolation restores {names} exactly: its mean PSNR is infinite")
    assert result.stderr.count("\n") == 1
    assert mean["psnr_y"] is mean["psnr_rgb"] is None
    assert mean["ssim"] < 1


def run(*arguments: object) -> tuple[int, str]:
    result = amsr("eval", *arguments)
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
    given = {"scale": None, "threshold": 0.4, "strategy": "fixed", "tile": 64, "self_ensemble": True, "precision": None}
    options, settings = EvalOptions(tmp_path, **given), {**given, "trained_for": None}
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
    result = amsr("eval", "--model", model, "--data", photos)
    assert result.stderr == ""
    assert long.name in result.stdout


def test_bicubic_is_what_networks_have_to_beat(model: Path, photos: Path) -> None:
    content = json.loads(run("--model", model, "--data", photos, "--json", "-")[1])
    (first, _) = content["bicubic"]["pictures"]
    with Image.open(photos / "a.png") as photo:
        hr = photo.convert("RGB")
    small = hr.resize((40, 32), Image.Resampling.BICUBIC)
    enlarged = np.array(small.resize(hr.size, Image.Resampling.BICUBIC))
    assert first == {
        "picture": "a.png",
        "psnr_y": pytest.approx(metrics.psnr_y(enlarged, np.array(hr), 4)),
        "psnr_rgb": pytest.approx(metrics.psnr(enlarged, np.array(hr), 4)),
        "ssim": pytest.approx(metrics.ssim_y(enlarged, np.array(hr), 4)),
    }
    assert "bicubic" in run("--model", model, "--data", photos)[1]


def test_lr_pictures_can_be_given(model: Path, photos: Path, tmp_path: Path) -> None:
    lr = tmp_path / "lr"
    lr.mkdir()
    with Image.open(photos / "a.png") as photo:
        photo.resize((40, 32), Image.Resampling.BICUBIC).save(lr / "a.png")
        photo.resize((40, 32), Image.Resampling.BOX).crop((0, 0, 32, 32)).save(lr / "bx4.png")
    own = json.loads(run("--model", model, "--data", photos, "--json", "-")[1])
    code, out = run("--model", model, "--data", photos, "--lr", lr, "--json", "-")
    given = json.loads(out)
    assert code == 0
    for content in (given["runs"][0], given["bicubic"]):
        assert [picture["picture"] for picture in content["pictures"]] == ["a.png", "b.png"]
    assert given["runs"][0]["pictures"][0] == own["runs"][0]["pictures"][0]
    assert given["runs"][0]["pictures"][1] != own["runs"][0]["pictures"][1]
    (lr / "a.png").unlink()
    result = amsr("eval", "--model", model, "--data", photos, "--lr", lr)
    assert result.exit_code == 1
    assert result.stderr.count("no LR picture of a.png") == 1


def test_several_backbones_and_a_line_of_csv_for_each_picture(photos: Path, tmp_path: Path) -> None:
    file = tmp_path / "figures.csv"
    backbones = ("--backbone", "fsrcnn", "--backbone", "disp")
    code, out = run(
        *backbones, "--scale", 4, "--data", photos, "--dense", "--dilation", 1, "--csv", file, "--json", "-"
    )
    assert code == 0
    runs = json.loads(out)["runs"]
    assert [(one["model"], one["dilation"]) for one in runs] == [
        ("fsrcnn", 1),
        ("fsrcnn", None),
        ("disp", 1),
        ("disp", None),
    ]
    with file.open(newline="") as opened:
        lines = list(csv.DictReader(opened))
    assert len(lines) == 4 * 2 + 2
    assert [line["dilation"] for line in lines if line["picture"] == "a.png"] == ["1", "dense", "1", "dense", ""]
    assert [line["trained_for"] for line in lines if line["picture"] == "a.png"] == ["clean"] * 4 + [""]
    assert float(lines[0]["psnr_y"]) == runs[0]["pictures"][0]["psnr_y"]
    assert lines[-1]["model"] == "bicubic"
    assert lines[-1]["density"] == ""


def test_models_of_one_scale_are_compared() -> None:
    disp = read_metadata(shipped_model("disp"))
    runs = [Run(f"x{scale}", replace(disp, scale=scale), Evaluation(None, {})) for scale in (2, 4)]
    assert common_scale(runs[:1]) == 2
    with pytest.raises(UserError, match="not x2 x2, x4 x4"):
        common_scale(runs)
    purposes = [
        Run("disp", replace(disp, scale=scale, trained_for=purpose), Evaluation(None, {}))
        for scale, purpose in ((2, "clean"), (4, "photo"))
    ]
    with pytest.raises(UserError, match="not disp x2, disp for photos x4"):
        common_scale(purposes)


def test_quality_is_drawn_against_cost(
    model: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "plot.png"
    arguments = ("--model", model, "--data", photos, "--dilation", "1,5", "--plot", file)
    if importlib.util.find_spec("matplotlib"):
        assert run(*arguments)[0] == 0
        with Image.open(file) as plot:
            assert len(np.unique(np.array(plot.convert("L")))) > 10
        picture = photos / "a.png"
        before = picture.read_bytes()
        assert run("--model", model, "--data", photos, "--plot", picture)[0] == 2
        assert picture.read_bytes() == before
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    result = amsr("eval", *arguments)
    assert result.exit_code == 1
    assert "amsr-deploy[plots]" in result.stderr
    assert run("--model", model, "--data", photos, "--plot", tmp_path / "plot.txt")[0] == 2


@pytest.mark.parametrize(("option", "suffix"), [("--csv", ".csv"), ("--plot", ".png")])
def test_only_json_is_printed(model: Path, photos: Path, option: str, suffix: str) -> None:
    result = amsr("eval", "--model", model, "--data", photos, option, "-")
    assert result.exit_code == 2
    assert f"- does not end in {suffix}" in result.stderr


def test_a_backbone_that_is_named_twice_is_measured_once(photos: Path) -> None:
    _, out = run("--backbone", "fsrcnn", "--backbone", "fsrcnn", "--data", photos, "--json", "-")
    assert [each["model"] for each in json.loads(out)["runs"]] == ["fsrcnn"]


def test_the_plot_has_a_point_for_each_run() -> None:
    model = replace(read_metadata(shipped_model("disp")), cost=Cost(200.0, 800.0))
    scores = [Scores(30.0, 29.0, 0.9, 0.5, 0.75), Scores(29.0, 29.0, 0.9, 0.2, 0.5)]
    runs = [Run("a", model, Evaluation(1, {Path("p"): each})) for each in scores]
    assert points(runs) == ([0.5, 0.75], [29.0, 30.0])
