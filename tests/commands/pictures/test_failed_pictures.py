"""A picture that fails costs nobody else."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import onnx
import pytest
from batch_cases import Command, draw
from command_line import amsr, assert_refused, errors
from numpy.typing import NDArray
from onnx import numpy_helper
from scale_cases import write_model

from amsr_deploy import image


def bad_inputs(folder: Path) -> list[Path]:
    """Inputs of which each cannot be read in its own way."""
    (folder / "loop.png").symlink_to("loop.png")
    (folder / "dangling.png").symlink_to("nowhere.png")
    (folder / "text.png").write_text("hello")
    (folder / "empty.png").write_bytes(b"")
    (folder / "empty").mkdir()
    cut = draw(folder / "cut.png")
    cut.write_bytes(cut.read_bytes()[:45])
    names = ["loop.png", "dangling.png", "text.png", "empty.png", "empty", "cut.png", "text.png/a.png"]
    return [folder / name for name in (*names, "x" * 300 + ".png")]


def test_a_picture_that_fails_stops_no_other(here: Path, command: Command) -> None:
    arguments, ending = command
    bad = bad_inputs(here)
    draw(here / "good.png")
    (here / "legacy").mkdir()
    raw = os.fsdecode(os.fsencode(here / "legacy") + b"/caf\xe9.png")
    draw(Path(raw))
    result = amsr(*arguments, *bad, "good.png", raw, "-o", "out")
    assert result.exit_code == 1
    lines = errors(result)
    assert len(lines) == len(bad) + 1
    assert f"{len(bad)} of {len(bad) + 2} pictures failed" in lines[-1]
    for path in bad:
        assert any(path.name in line for line in lines), path
    assert not [line for line in lines if "unexpected" in line or "Traceback" in line]
    assert len(list((here / "out").iterdir())) == 2
    assert (here / "out" / f"good{ending}").is_file()
    assert_refused(amsr(*arguments, "cut.png"), "cut.png", code=1)
    assert_refused(amsr(*arguments, "missing.png"), "missing.png", code=1)


@pytest.mark.parametrize("offset", [np.zeros(5, np.float32), np.float32("nan")])
def test_an_error_of_the_network_names_the_picture(offset: NDArray[np.float32], here: Path) -> None:
    """Of ONNX Runtime, which cannot add these shapes, and of what is not finite."""
    model = onnx.load(write_model(here / "model.onnx", 2))
    model.graph.initializer[1].CopyFrom(numpy_helper.from_array(offset, "offset"))
    onnx.save(model, here / "model.onnx")
    pictures = [draw(here / name) for name in ("a.png", "b.png")]
    lines = errors(amsr("infer", *pictures, "--model", here / "model.onnx", "-o", here / "out"))
    assert [f"amsr: error: {picture}: " in line for picture, line in zip(pictures, lines, strict=False)] == [True, True]
    assert "unexpected" not in "".join(lines)


@pytest.mark.parametrize("error", [RuntimeError("odd"), RecursionError(), ValueError(), MemoryError(), KeyError("x")])
def test_any_exception_of_one_picture_stops_no_other(
    here: Path, command: Command, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    arguments, ending = command
    draw(here / "a.png")
    draw(here / "b.png")
    read = image.read

    def fail(path: Path, content: bytes | None = None) -> image.Picture:
        if path.name == "a.png":
            raise error
        return read(path, content)

    monkeypatch.setattr(image, "read", fail)
    result = amsr(*arguments, "a.png", "b.png", "--json")
    assert result.exit_code == 1
    assert len(errors(result)) == 2
    assert (here / f"b{ending}").is_file()
    entries = [json.loads(line) for line in result.stdout.splitlines()]
    assert [entry["input"] for entry in entries] == ["a.png", "b.png"]
    assert "error" in entries[0]
    assert entries[1]["output"] == f"b{ending}"
