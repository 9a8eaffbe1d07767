"""Exit codes: 1 where the disk or a picture is to blame, 2 for what the command line alone shows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from command_line import amsr, assert_refused
from PIL import Image
from scale_cases import write_model

pytest.importorskip("av", reason="PyAV is not installed: pip install 'amsr-deploy[video]'")

HEIGHT, WIDTH = 32, 48
VIDEO = b"YUV4MPEG2 W48 H32 F25:1 C420jpeg\nFRAME\n" + bytes(HEIGHT * WIDTH * 3 // 2)
INFER, VIDEO_COMMAND = "infer in.png --model model.onnx", "video in.y4m --model model.onnx"


@pytest.fixture
def here(here: Path) -> Path:
    """The current folder, with a picture, a video, a model, and what is in the way."""
    Image.fromarray(np.zeros((HEIGHT, WIDTH, 3), np.uint8)).save("in.png")
    Image.new("L", (8, 8)).save("small.png")
    Path("in.y4m").write_bytes(VIDEO)
    write_model(Path("model.onnx"), 2)
    Path("odd.json").write_text('{"settings": {"backbone": "fsrcnn"}}')
    for name in ("pictures", "photos", "run"):
        Path(name).mkdir()
    Path("photos/a.png").write_bytes(Path("in.png").read_bytes())
    for name in ("there.png", "there.mkv", "run/weights.safetensors", "a.tar"):
        Path(name).touch()
    return here


@pytest.mark.usefixtures("here", "quick_peak")
@pytest.mark.parametrize(
    ("line", "message"),
    [
        *((f"{command} -o there.{suffix}", "there.") for command, suffix in ((INFER, "png"), (VIDEO_COMMAND, "mkv"))),
        *((f"{command} --height 9999", "ask for a smaller size") for command in (INFER, VIDEO_COMMAND)),
        *((f"{command} --height 8", "ask for a larger size") for command in (INFER, VIDEO_COMMAND)),
        *((f"{command} --mask small.png", "make them equal") for command in (INFER, VIDEO_COMMAND)),
        *(
            (f"{command} none/a.{suffix}", "folder none does not exist; create it first")
            for command, suffix in (
                (f"{INFER} -o", "png"),
                ("mask in.png -o", "png"),
                (f"{VIDEO_COMMAND} -o", "mkv"),
                ("export -o", "onnx"),
                ("build-engine model.onnx -o", "engine"),
                (f"{INFER} --json", "json"),
                ("mask in.png --json", "json"),
                (f"{VIDEO_COMMAND} --json", "json"),
                ("eval --data photos --json", "json"),
                ("eval --data photos --csv", "csv"),
                ("bench --data photos --markdown", "md"),
            )
        ),
        *(
            (f"{command} nope", "nope does not exist; check the name")
            for command in (
                "infer --model model.onnx",
                "mask",
                "eval --model model.onnx --data",
                "bench --operators --data",
                "train --backbone fsrcnn --out new --steps 1 --data",
            )
        ),
        (f"{INFER} --files-from none.txt", "list none.txt cannot be read"),
        (f"{INFER} --files-from there.png", "names no picture"),
        ("train --config odd.json --out new", "odd.json: the settings of the run do not fit"),
        ("eval --model model.onnx --data in.png", "in.png is not a folder"),
        ("eval --model model.onnx --data pictures", "pictures holds no picture"),
        ("train --backbone fsrcnn --out new --steps 1 --data a.tar", "a.tar is not a complete tar file"),
        ("train --backbone fsrcnn --data pictures --out run", "continue it, or choose another --out"),
    ],
)
def test_the_disk_and_pictures_give_1(line: str, message: str) -> None:
    assert_refused(amsr(*line.split()), message, code=1)


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("line", "message"),
    [
        (f"{INFER} --compare -o -", "standard output takes one picture"),
        (f"{INFER} --lossless -o a.jpg", "cannot be lossless"),
        (f"{INFER} --compression small -o a.jpg", "no --compression small"),
        ("export -o a.txt", "does not end in .onnx"),
        ("eval --data photos --csv a.txt", "does not end in .csv"),
    ],
)
def test_the_command_line_gives_2(line: str, message: str) -> None:
    assert_refused(amsr(*line.split()), message, code=2)


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(("name", "is_there"), [("in.png", True), ("photos", True), ("missing.png", False)])
def test_a_picture_in_place_of_a_command_is_told_where_it_belongs(name: str, is_there: bool) -> None:
    assert_refused(amsr(name), f"No such command '{name}'", code=2)
    assert (f"amsr infer {name}" in amsr(name).stderr) == is_there
