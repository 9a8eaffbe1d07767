"""The paper's tables on three small pictures: each is made, a stopped run goes on, what is too small is named."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import pytest
import reproduce
from conftest import osprey
from paper import scores, speed, table3, table4
from paper.plan import SETS, PictureSet, Plan
from paper.records import Store, common, mean

from amsr_deploy.descriptor import describe

TABLES = ("table2", "table3", "table4", "table5", "fig5", "fig6", "scope", "interpolation", "speed", "runs")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three parts of a photo as large photos, and one that is too small."""
    folder = tmp_path_factory.mktemp("data") / "large4k"
    folder.mkdir()
    boxes = {"a": (0, 0, 192, 128), "b": (130, 40, 322, 168), "c": (60, 20, 252, 148), "small": (0, 0, 90, 64)}
    for name, box in boxes.items():
        osprey().convert("RGB").crop(box).save(folder / f"{name}.png")
    return folder.parent


def run(data: Path, out: Path, *arguments: str) -> int:
    assert out.name == "quick"
    options = ("--quick", "--threads", "1", "--repeats", "1", "--backbones", "disp", "swinir")
    return reproduce.main([arguments[0], "--data", str(data), "--out", str(out.parent), *options, *arguments[1:]])


@pytest.fixture(scope="module")
def out(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All tables of a quick run."""
    folder = tmp_path_factory.mktemp("out") / "quick"
    assert run(data, folder, "all") == 0
    assert [path.name for path in folder.parent.iterdir()] == ["quick"]  # apart from true figures
    return folder


@pytest.mark.parametrize("name", TABLES)
def test_each_table_is_made_in_three_forms(out: Path, name: str) -> None:
    content = json.loads((out / f"{name}.json").read_text())
    assert content["rows"]
    with (out / f"{name}.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(content["rows"]) == len((out / f"{name}.md").read_text().splitlines()) - 2
    assert set(rows[0]) == {column["name"] for column in content["columns"]}


def test_table2_compares_masked_with_dense(out: Path) -> None:
    rows = reproduce.build(out)["table2"].rows
    assert [(row["set"], row["network"], row["photos"]) for row in rows] == [
        ("2K", "DISP", 3),
        ("2K", "SwinIR light", 3),
        ("4K", "DISP", 2),
        ("4K", "SwinIR light", 2),
    ]
    for row in rows:
        assert row["gmacs"] / row["dense_gmacs"] == pytest.approx(row["cost_share"], rel=1e-3)
        assert abs(row["psnr_y"] - row["dense_psnr_y"]) < 1
        assert 0 < row["density"] < 1


def test_more_dilation_costs_more_and_is_better(out: Path) -> None:
    rows = [row for row in reproduce.build(out)["fig6"].rows if (row["set"], row["network"]) == ("2K", "DISP")]
    assert [row["dilation"] for row in rows] == ["1", "3", "5", "dense"]  # 3 was measured for Table 4
    for name in ("cost_share", "psnr_y", "ssim"):
        values = [row[name] for row in rows]
        assert values == sorted(set(values))


def test_outside_the_mask_something_else_can_be(out: Path) -> None:
    for row in reproduce.build(out)["scope"].rows:
        assert row["linear_share"] < row["masked_share"]
        assert row["linear"] > row["bicubic"]
    interpolated = {row["method"]: row for row in reproduce.build(out)["interpolation"].rows if row["set"] == "2K"}
    assert interpolated["linear"]["psnr_y"] > interpolated["bicubic"]["psnr_y"]


def test_strategies_are_compared_at_like_cost(out: Path) -> None:
    rows = {(row["strategy"], row["compared"]): row for row in reproduce.build(out)["table4"].rows}
    kmeans, fixed = rows["kmeans", "same dilation"], rows["fixed", "cost of k-means"]
    assert kmeans["dilation"] == rows["fixed", "same dilation"]["dilation"] == 3
    assert fixed["dilation"] > 3
    assert fixed["density"] == pytest.approx(kmeans["density"], abs=0.1)


def test_a_lower_threshold_keeps_more_windows(out: Path) -> None:
    densities = [row["density"] for row in reproduce.build(out)["table5"].rows]
    assert densities == sorted(densities)
    assert densities[-1] == 1


def test_each_damage_is_measured(out: Path) -> None:
    rows = reproduce.build(out)["fig5"].rows
    assert len({row["dense"] for row in rows}) == len({row["damage"] for row in rows}) == len(rows) == 11


def test_a_stopped_run_goes_on(data: Path, out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = (out / reproduce.RECORDS).read_text().splitlines(keepends=True)
    table5 = [line for line in lines if '"kind": "scores"' in line]
    stopped = tmp_path / "quick"
    stopped.mkdir()
    (stopped / reproduce.RECORDS).write_text("".join(table5[:-1]) + table5[-1][:30])
    measured: list[object] = []
    original = scores._scores
    monkeypatch.setattr(scores, "_scores", lambda *given: measured.append(given) or original(*given))
    assert run(data, stopped, "table2") == 0
    stored = {json.dumps(json.loads(line)["key"]) for line in table5}
    assert len(measured) <= 1
    again = (stopped / reproduce.RECORDS).read_text().splitlines()
    assert {json.dumps(json.loads(line)["key"]) for line in again if line.endswith("}")} <= stored
    assert reproduce.build(stopped)["table2"].rows == reproduce.build(out)["table2"].rows


def test_a_missing_package_is_named_with_its_extra(
    data: Path, out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "skimage.metrics", None)
    assert run(data, tmp_path / "quick", "table2") == 1
    assert "amsr-deploy[eval]" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert run(data, out, "build") == 0
    (line,) = (line for line in capsys.readouterr().err.splitlines() if "no plots" in line)
    assert "amsr-deploy[plots]" in line


def test_what_is_too_small_is_named(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = Plan(data, Store(tmp_path / "m.jsonl"), sets=(PictureSet("2K", "large4k", 160),))
    pictures = list(plan.pictures("2K"))
    assert [picture.name for picture in pictures] == ["a.png", "b.png", "c.png"]
    assert [picture.hr.size for picture in pictures] == [(160, 104)] * 3
    assert pictures[0].lr.shape == (26, 40, 3)
    assert "small.png is left out: 90 pixels wide" in capsys.readouterr().err
    assert {one.name: one.width for one in SETS if one.folder == "large4k"} == {"2K": 2048, "4K": 3840}


def test_new_weights_are_measured_anew(tmp_path: Path) -> None:
    store = Store(tmp_path / "m.jsonl")
    for weights, value in (("old", 1.0), ("new", 2.0)):
        key = {"kind": "scores", "picture": "a", "model": "disp", "weights": weights}
        store.measure(key, lambda value=value: {"psnr_y": value})
        store.measure(key, pytest.fail)
    assert [record["psnr_y"] for record in Store(store.path).records("scores")] == [2.0]


def test_means_are_over_the_same_pictures() -> None:
    masked = [{"picture": "a", "x": 1.0}, {"picture": "b", "x": 5.0}]
    groups = list(common(masked, masked[:1]))
    assert [mean(group, "x") for group in groups] == [{"x": 1.0}] * 2


def test_strategies_are_compared_on_the_pictures_that_all_have(tmp_path: Path) -> None:
    store = Store(tmp_path / "measured.jsonl")
    figures = {"density": 0.5, "cost_share": 0.5, "psnr_y": 30.0, "psnr_rgb": 30.0, "ssim": 0.9}

    def measured(weights: str, picture: str, **mask: object) -> None:
        store.put(
            {"kind": "scores", "set": "2K", "model": "disp", "weights": weights, "picture": picture, **mask}, figures, 0
        )

    for strategy in ("kmeans", "fixed"):
        store.put({"kind": "table4", "strategy": strategy, "compared": "same dilation"}, {"dilation": 3}, 0)
    for picture in ("a", "b"):
        measured("old", picture, dilation=None)
        measured("old", picture, strategy="kmeans", dilation=3)
    measured("old", "a", strategy="fixed", dilation=3)
    assert [row["photos"] for row in table4.build(store).rows] == [1, 1]
    measured("new", "a", dilation=None)
    assert table4.build(store).rows == []


def test_pictures_are_needed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out" / "quick"
    assert reproduce.main(["table2", "--out", str(out)]) == 2
    assert "--data" in capsys.readouterr().err
    assert run(tmp_path / "nowhere", out, "table2") == 2
    assert "nowhere" in capsys.readouterr().err
    assert run(tmp_path, out, "table5") == 1
    assert not out.parent.exists()
    assert run(tmp_path, out, "table2") == 0
    assert f"2K is left out: there is no folder {tmp_path / 'large4k'}" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        run(tmp_path, out, "table2", "--backbones", "edsr")
    assert "disp" in capsys.readouterr().err


def test_times_of_different_machines_are_not_mixed(tmp_path: Path) -> None:
    store = Store(tmp_path / "measured.jsonl")
    case = {"set": "2K", "picture": "a", "model": "disp", "weights": "w"}
    figures = {"psnr_y": 30.0, "ssim": 0.9}
    kinds = [(processor, threads) for processor in ("one", "other") for threads in (1, 2)]
    for mask in ({"dilation": None}, {"dilation": describe("disp").dilation, "strategy": "kmeans"}):
        store.put({"kind": "scores", **case, **mask}, figures, 0)
        for number, (processor, threads) in enumerate(kinds):
            machine = {"processor": processor, "instructions": "avx2", "threads": threads}
            store.put({"kind": "seconds", **case, **machine, **mask}, {"seconds": number + 1, "load": 0.0}, 0)
    for rows, time in ((table3.build(store).rows, "masked"), (speed.build(store).rows[::2], "seconds")):
        assert [(row["processor"], row["threads"], row[time]) for row in rows] == [
            (*kind, number + 1) for number, kind in enumerate(kinds)
        ]


def test_times_are_of_the_pictures_that_all_have(tmp_path: Path) -> None:
    store = Store(tmp_path / "measured.jsonl")

    def timed(picture: str, model: str, **mask: object) -> None:
        machine = {"processor": "one", "instructions": "avx2", "threads": 1}
        case = {"kind": "seconds", "set": "2K", "picture": picture, "model": model, "weights": "w"}
        store.put({**case, **machine, **mask}, {"seconds": 1.0, "load": 0.0}, 0)

    timed("a", "disp", dilation=None)
    timed("a", "fsrcnn", dilation=None)
    timed("a", "fsrcnn", dilation=describe("fsrcnn").dilation, strategy="kmeans")
    assert [row["network"] for row in table3.build(store).rows] == ["FSRCNN"]
    timed("b", "disp", dilation=describe("disp").dilation, strategy="kmeans")
    assert table3.build(store).rows == []
    timed("a", "disp", dilation=describe("disp").dilation, strategy="kmeans")
    assert [row["photos"] for row in table3.build(store).rows] == [1, 1]
