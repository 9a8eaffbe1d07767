"""`amsr bench`: what it measures, how it compares, what it writes, what it refuses. Never how fast anything is."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result
from command_line import amsr, assert_refused
from export_cases import Exports
from PIL import Image

from amsr_deploy import native
from amsr_deploy.evaluation.bench import layers
from amsr_deploy.evaluation.bench.densities import mask_of_density
from amsr_deploy.evaluation.bench.markdown import Section, Table, write_sections
from amsr_deploy.evaluation.bench.peak import Peak
from amsr_deploy.evaluation.bench.photos import Photo, read_photo
from amsr_deploy.evaluation.bench.timing import medians
from amsr_deploy.mask import compute_mask

pytestmark = pytest.mark.usefixtures("quick_peak")

QUICK = ("--width", "128", "--threads", "1", "--repeats", "1")


@pytest.fixture(scope="module")
def pair(exports: Exports) -> tuple[Path, Path]:
    """A masked FSRCNN and its dense twin."""
    return exports("fsrcnn"), exports("fsrcnn", masked=False)


def bench(data: Path, pair: tuple[Path, Path], *arguments: object) -> Result:
    files = ("--model", pair[0], "--dense-model", pair[1])
    return amsr("bench", "--data", data, *files, *QUICK, *arguments)


def test_figures_of_networks(folder: Path, pair: tuple[Path, Path]) -> None:
    result = bench(folder, pair, "--json", "-")
    assert result.exit_code == 0, result.output
    content = json.loads(result.stdout)
    assert content["machine"]["threads"] == 1
    assert min(content["machine"]["peak"].values()) > 0
    assert content["machine"]["load"] is None or content["machine"]["load"] >= 0
    assert {"amsr-deploy", "onnxruntime"} <= set(content["machine"]["versions"])
    (network,) = content["networks"]
    assert [photo["photo"] for photo in network["photos"]] == ["a.png", "b.png"]
    for photo in network["photos"]:
        seconds = photo["seconds"]
        assert set(seconds) == {"masked", "dense", "mask", "neighbors"}
        assert min(seconds.values()) > 0
        assert photo["ratio"] == {"dense": seconds["masked"] / seconds["dense"]}
        mask = seconds["mask"] + seconds["neighbors"]
        assert photo["mask_share"] == pytest.approx(mask / (seconds["mask"] + seconds["masked"]))
        density = compute_mask(read_photo(folder / photo["photo"], 128, scale=4)).density
        assert photo["density"] == pytest.approx(density)
        assert photo["cost_share"] == pytest.approx((19_152 + 5_184 * density) / 24_336)
    detail = network["detail"]
    assert detail["density"] == max(photo["density"] for photo in network["photos"])
    assert min(detail["memory"].values()) > 0
    operators = {form: {kernel["operator"] for kernel in detail["kernels"][form]} for form in ("masked", "dense")}
    assert "Conv" in operators["dense"]
    assert ("MaskedConv2d" in operators["masked"]) == (native.library_path() is not None)


@pytest.mark.skipif(native.library_path() is None, reason="the native operators are not built")
def test_kernels_have_their_operations_and_bytes(folder: Path, pair: tuple[Path, Path]) -> None:
    result = bench(folder, pair, "--json", "-", "--pictures", 1)
    (network,) = json.loads(result.stdout)["networks"]
    (photo,) = network["photos"]
    (body,) = (kernel for kernel in network["detail"]["kernels"]["masked"] if kernel["operator"] == "MaskedConv2d")
    pixels = round(photo["density"] * photo["size"][0] * photo["size"][1])
    assert (body["count"], body["weights"]) == (4, [12, 12, 3, 3])
    assert body["operations"] == 2 * 5_184 * pixels
    assert body["size"] == 4 * 4 * (2 * 12 * pixels + 9 * pixels + 9 * 12 * 12 + 12)  # rows in and out, table, weights
    assert body["seconds"] > 0


def test_least_time_is_of_arithmetic_or_of_memory() -> None:
    peak = Peak(operations=100.0, bandwidth=10.0)
    assert peak.least_seconds(operations=200, size=10) == 2
    assert peak.least_seconds(operations=200, size=30) == 3


def test_photos_fit_whole_windows() -> None:
    pixels = np.random.default_rng(0).random((21, 35, 3), dtype=np.float32)
    np.testing.assert_array_equal(Photo("a.png", pixels).cropped(8), pixels[:16, :32])
    np.testing.assert_array_equal(Photo("a.png", pixels).cropped(1), pixels)


def test_openvino_runs_the_dense_network(folder: Path, pair: tuple[Path, Path]) -> None:
    pytest.importorskip("openvino")
    result = bench(folder, pair, "--openvino", "--json", "-")
    assert result.exit_code == 0, result.output
    ratio = json.loads(result.stdout)["networks"][0]["photos"][0]["ratio"]
    assert len(ratio) == 3
    assert "openvino float32" in ratio

    from amsr_deploy.evaluation.bench.openvino import OpenVinoModel
    from amsr_deploy.runtime.backends.onnxruntime import OnnxRuntimeBackend

    image = np.random.default_rng(0).random((1, 3, 20, 30), dtype=np.float32)
    expected = OnnxRuntimeBackend(pair[1], "cpu").run(image, {})
    np.testing.assert_allclose(OpenVinoModel(pair[1], 1, "f32").run(image), expected, atol=1e-4)


def test_missing_openvino_is_one_line(folder: Path, pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    assert_refused(bench(folder, pair, "--openvino"), "amsr-deploy[openvino]")


def test_tables_for_terminal_and_markdown(folder: Path, pair: tuple[Path, Path], tmp_path: Path) -> None:
    report = tmp_path / "report.md"
    report.write_text(
        "# Speed\n\nBefore.\n\n<!-- amsr bench: network fsrcnn -->\nold\n<!-- end of network fsrcnn -->\n\nAfter.\n"
    )
    result = bench(folder, pair, "--markdown", report, "--json", tmp_path / "figures.json")
    assert result.exit_code == 0, result.output
    for part in ("onnxruntime", "a.png", "b.png", "ratio", "mask share", "peak memory", "Conv"):
        assert part in result.stdout
    text = report.read_text()
    assert text.startswith("# Speed\n\nBefore.\n\n<!-- amsr bench: network fsrcnn -->\n")
    assert "old" not in text
    assert "| a.png |" in text[: text.index("After.")]
    assert json.loads((tmp_path / "figures.json").read_text())["networks"]


@pytest.mark.parametrize("density", [0.0, 0.1, 0.4, 0.7, 1.0])
def test_masks_of_a_density(density: float, photo: Any) -> None:
    from amsr_deploy.mask import high_frequencies

    frequencies = high_frequencies(photo)
    assert frequencies is not None
    assert mask_of_density(frequencies, density, 5).mean() == pytest.approx(density, abs=0.02)


@pytest.mark.parametrize(("density", "nearest"), [(0.31, 0.3), (0.5, 0.6), (0.1, 0.0), (0.99, 0.6)])
def test_a_density_that_cannot_be_is_approached(density: float, nearest: float) -> None:
    frequencies = np.repeat(np.array([0.0, 0.5, 0.9], np.float32), [4, 3, 3])[None]
    assert mask_of_density(frequencies, density, 1).mean() == pytest.approx(nearest)


def test_operators_are_measured_on_every_photo(
    folder: Path, pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    if native.library_path() is None:
        assert_refused(bench(folder, pair, "--operators"), "not built")
        return
    monkeypatch.setattr(layers, "DENSITIES", (0.2, 0.5))
    result = bench(folder, pair, "--operators", "--channels", "8", "--channels", "6", "--json", "-")
    assert result.exit_code == 0, result.output
    timings = json.loads(result.stdout)["operators"]
    cases = {(t["photo"], t["storage"], t["layer"]["channels"], t["layer"]["group"], t["target"]) for t in timings}
    assert {case[2:4] for case in cases} == {(8, 1), (8, 4), (6, 1)}  # 6 channels make no 4 groups
    assert len(cases) == len(timings) == 2 * 2 * 3 * 2
    for timing in timings:
        assert timing["density"] == pytest.approx(timing["target"], abs=0.05)
        assert timing["ratio"] == timing["masked"] / (timing["density"] * timing["dense"])


def test_runs_are_measured_in_turns() -> None:
    calls: list[str] = []
    times = medians({name: lambda name=name: calls.append(name) for name in "ab"}, repeats=2, warm_up=1)
    assert calls == ["a", "b"] * 3
    assert set(times) == {"a", "b"}


def test_bad_input(folder: Path, pair: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert_refused(bench(tmp_path / "empty", pair), "holds no picture")
    assert_refused(bench(tmp_path / "none", pair), "none does not exist; check the name")
    assert_refused(bench(folder, pair[::-1]), "dense.onnx is a dense model")
    assert_refused(bench(folder, (pair[0], pair[0])), "fsrcnn.onnx is a masked model")
    assert_refused(bench(folder, pair, "--width", 64), "width 64")
    for option in ("--threads", "--repeats", "--channels", "--pictures"):
        assert_refused(bench(folder, pair, option, 0), f"'{option}': 0 is not")
    assert_refused(bench(folder, pair, "--markdown", tmp_path / "report.txt"), "report.txt")
    assert_refused(bench(folder, pair, "--markdown", "-"), "- does not end in .md")
    assert_refused(bench(folder, pair, "--json", tmp_path / "none" / "a.json"), "none")
    alone = amsr("bench", "--data", folder, "--model", pair[0])
    assert_refused(alone, "--dense-model")


def test_a_width_of_0_leaves_pictures_as_they_are(folder: Path) -> None:
    for path in folder.iterdir():
        with Image.open(path) as file:
            for scale in (2, 3, 4):
                assert read_photo(path, 0, scale).shape == (file.height // scale, file.width // scale, 3)


def test_a_small_picture_does_not_stop_the_others(folder: Path, pair: tuple[Path, Path]) -> None:
    Image.new("RGB", (100, 60)).save(folder / "c.png")
    result = bench(folder, pair, "--json", "-")
    assert_refused(result, "c.png is 100 pixels wide")
    assert len(json.loads(result.stdout)["networks"][0]["photos"]) == 2
    none = bench(folder, pair, "--width", 4096, "--pictures", 1)
    assert none.exit_code == 1
    assert "pixels wide" in none.stderr
    assert "no picture" in none.stderr


def test_sections_of_a_file_are_replaced_or_added(tmp_path: Path) -> None:
    path = tmp_path / "report.md"
    write_sections(path, [Section("one", "First", Table(["a", "b"], [["x", "1"]]))])
    write_sections(path, [Section("two", "Second \\1"), Section("one", "Again")])
    text = path.read_text()
    assert "First" not in text
    assert text.index("Again") < text.index("Second \\1")
    write_sections(path, [Section("two", "Second \\1"), Section("one", "Again")])
    assert path.read_text() == text
