"""Comparisons and masks beside a result: what they show, and that one that is missing is made."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest
from batch_cases import draw, names
from command_line import amsr, errors
from PIL import Image

from amsr_deploy import files
from amsr_deploy.commands.pictures.comparison import TITLE
from amsr_deploy.runtime.backends.onnxruntime import OnnxRuntimeBackend


@pytest.mark.parametrize(("size", "rows"), [((40, 60), 1), ((120, 120), 1), ((121, 60), 2), ((40, 200), 2)])
def test_a_comparison_shows_the_result_and_a_crop_that_is_less(
    here: Path, repeat_model: Path, size: tuple[int, int], rows: int
) -> None:
    pixels = np.full((*size, 4), (200, 30, 30, 255), np.uint8)
    pixels[10:20, 30:50] = np.random.default_rng(0).integers(0, 255, (10, 20, 4), dtype=np.uint8)
    Image.fromarray(pixels).save(here / "a.png")
    assert amsr("infer", "a.png", "--model", repeat_model, "--compare").exit_code == 0
    with Image.open(here / "a_x4_compare.png") as sheet:
        assert sheet.width >= 4 * 240
        crop = min(480, 4 * size[0]) + TITLE
        whole = round(4 * size[0] * min(1, 480 / (4 * max(size)))) + TITLE
        assert sheet.height == whole + (rows - 1) * crop
        colours = sheet.convert("RGB").getcolors(1 << 24)
    assert colours is not None
    assert (200, 30, 30) in {colour for _, colour in colours}


def test_a_result_that_is_missing_is_made_beside_its_comparison(here: Path, repeat_model: Path) -> None:
    draw(here / "a.png")
    (here / "a_x4_compare.png").write_text("mine")
    result = amsr("infer", "a.png", "--model", repeat_model, "--compare", "--skip-existing")
    assert result.exit_code == 0
    assert names(here) == ["a.png", "a_x4.png", "a_x4_compare.png"]
    assert (here / "a_x4_compare.png").read_text() == "mine"


@pytest.mark.parametrize("option", ["--compare", "--save-mask"])
@pytest.mark.parametrize("mode", ["RGB", "LA"])
def test_what_is_missing_beside_a_result_is_made(here: Path, repeat_model: Path, option: str, mode: str) -> None:
    Image.open(draw(here / "a.png")).convert(mode).save(here / "a.png")
    more = [option, *(["saved.png"] if option == "--save-mask" else [])]
    beside = here / ("saved.png" if option == "--save-mask" else "a_x4_compare.png")
    infer = ["infer", "--model", repeat_model, "a.png"]
    assert amsr(*infer, *more).exit_code == 0
    expected = np.asarray(Image.open(beside))
    beside.unlink()
    (here / "a_x4.png").write_text("mine")
    result = amsr(*infer, "--skip-existing", *more)
    assert result.exit_code == 0, result.output
    np.testing.assert_array_equal(np.asarray(Image.open(beside)), expected)
    assert (here / "a_x4.png").read_text() == "mine"
    assert "a.png is skipped" in amsr(*infer, "--skip-existing", *more).stdout
    assert "a.png is skipped" in amsr(*infer, "--skip-existing", *more, "--width", 48, "-o", "a_x4.png").stdout


@pytest.mark.parametrize("size", [[], ["--width", "30"]])
def test_a_mask_that_is_missing_beside_a_result_needs_no_network(
    here: Path, repeat_model: Path, monkeypatch: pytest.MonkeyPatch, size: list[str]
) -> None:
    draw(here / "a.png")
    infer = ["infer", "--model", repeat_model, "a.png", "-o", "large.png", "--save-mask", "mask.png", *size]
    assert amsr(*infer).exit_code == 0
    expected = (here / "mask.png").read_bytes()
    (here / "mask.png").unlink()
    monkeypatch.setattr(OnnxRuntimeBackend, "run", None)
    result = amsr(*infer, "--skip-existing")
    assert result.exit_code == 0, result.output
    assert (here / "mask.png").read_bytes() == expected


@pytest.mark.parametrize("option", ["--compare", "--save-mask"])
def test_a_result_whose_further_picture_fails_is_named(
    here: Path, repeat_model: Path, monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    draw(here / "a.png")
    publish = files.publish

    def fail(source: Path, target: Path, replace: bool) -> None:
        if (here / "a_x4.png").exists():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(source), None, str(target))
        publish(source, target, replace)

    monkeypatch.setattr(files, "publish", fail)
    more = [option, *(["saved.png"] if option == "--save-mask" else [])]
    (line,) = errors(amsr("infer", "--model", repeat_model, "a.png", *more))
    failed = "saved.png" if option == "--save-mask" else "a_x4_compare.png"
    assert line.startswith(f"amsr: error: {failed} cannot be written")
    assert line.endswith("; a_x4.png is written")
    assert names(here) == ["a.png", "a_x4.png"]
