"""Where results go, and that nothing is replaced unless the user says so."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from batch_cases import Command, draw, names
from command_line import amsr, errors
from PIL import Image

from amsr_deploy import files, image
from amsr_deploy.commands.pictures import spread
from amsr_deploy.commands.pictures.worker import Job, PictureWorker
from amsr_deploy.runtime.backends.onnxruntime import OnnxRuntimeBackend
from amsr_deploy.runtime.upscaler import Upscaler


def test_existing_results_stay_unless_the_user_says_so(here: Path, command: Command) -> None:
    arguments, ending = command
    draw(here / "a.png")
    target = here / f"a{ending}"
    target.write_text("mine")
    refused = amsr(*arguments, "a.png")
    assert refused.exit_code == 1
    (line,) = errors(refused)
    for part in (target.name, "exists", "--overwrite", "--skip-existing"):
        assert part in line
    assert amsr(*arguments, "a.png", "--skip-existing").exit_code == 0
    assert target.read_text() == "mine"
    target.chmod(0o444)
    protected = amsr(*arguments, "a.png", "--overwrite")
    assert "write-protected" in errors(protected)[0]
    assert target.read_text() == "mine"
    target.chmod(0o644)
    assert amsr(*arguments, "a.png", "--overwrite").exit_code == 0
    assert Image.open(target).format == "PNG"
    assert amsr(*arguments, "a.png", "--overwrite", "--skip-existing").exit_code == 2


@pytest.mark.parametrize("option", ["--save-mask", "--compare"])
def test_pictures_beside_the_result_replace_nothing(here: Path, repeat_model: Path, option: str) -> None:
    draw(here / "a.png")
    path = here / ("a_x4_compare.png" if option == "--compare" else "saved.png")
    path.write_text("mine")
    infer = ["infer", "--model", repeat_model, "a.png", option, *(["saved.png"] if option == "--save-mask" else [])]
    assert "exists" in errors(amsr(*infer))[0]
    assert path.read_text() == "mine"
    assert not (here / "a_x4.png").exists()
    assert amsr(*infer, "--overwrite").exit_code == 0
    assert Image.open(path).format == "PNG"


@pytest.mark.parametrize("suffix", [".png", ".tiff", ".jpg", ".jxl"])
@pytest.mark.parametrize("moment", [(Upscaler, "prepare"), (OnnxRuntimeBackend, "run")], ids=["early", "late"])
def test_a_file_that_appears_during_the_work_stays(
    here: Path, repeat_model: Path, monkeypatch: pytest.MonkeyPatch, moment: tuple[type, str], suffix: str
) -> None:
    draw(here / "a.png")
    target = here / f"a_x4{suffix}"
    work = getattr(*moment)

    def slow(*arguments: Any, **settings: Any) -> Any:
        target.write_text("of another run")
        return work(*arguments, **settings)

    monkeypatch.setattr(*moment, slow)
    infer = ["infer", "a.png", "--model", repeat_model, "--format", suffix[1:]]
    assert "exists already" in errors(amsr(*infer))[0]
    target.unlink()
    skipped = amsr(*infer, "--skip-existing")
    assert skipped.exit_code == 0, skipped.output
    assert "skipped" in skipped.output
    assert target.read_text() == "of another run"
    assert names(here) == ["a.png", target.name]
    assert amsr(*infer, "--overwrite").exit_code == 0
    assert image.read(target).size == (32, 48)


@contextmanager
def workers_here(_address: str, job: Job, *_: object) -> Iterator[SimpleNamespace]:
    """Stand in for `open_cluster`: one worker, in this process."""
    worker = PictureWorker(job)
    yield SimpleNamespace(scales=lambda: (worker.scales, 1), work=worker.work, stop=lambda: None)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (["infer", "a.png"], "a_x4.png"),
        (["infer", "a.png", "--width", "30"], "a_30x20.png"),
        (["infer", "a.png", "--compare"], "a_x4_compare.png"),
        (["infer", "a.png", "--save-mask", "saved.png"], "saved.png"),
        (["infer", "a.png", "b.png", "--ray", "--compare"], "a_x4.png"),
        (["infer", "a.png", "b.png", "--ray", "--compare"], "a_x4_compare.png"),
        (["mask", "a.png"], "a_mask.png"),
        (["mask", "a.png", "--overlay", "--format", "jpg"], "a_overlay.jpg"),
    ],
)
def test_a_file_that_appears_in_the_last_moment_stays(
    here: Path, repeat_model: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], name: str
) -> None:
    draw(here / "a.png")
    draw(here / "b.png")
    publish = files.publish

    def late(source: Path, target: Path, replace: bool) -> None:
        if target.name == name:
            target.write_text("of another run")
        publish(source, target, replace)

    monkeypatch.setattr(files, "publish", late)
    monkeypatch.setattr(spread, "open_cluster", workers_here)
    command = [*arguments, *(["--model", repeat_model] if "infer" in arguments else [])]
    for option, code in ((None, 1), ("--skip-existing", 0)):
        result = amsr(*command, *filter(None, [option]))
        assert result.exit_code == code, result.output
        assert f"{name} exists already" in result.output
        is_beside = name in ("a_x4_compare.png", "saved.png")
        assert ("; a_x4.png is written" in result.output) == (is_beside and code == 1)
        assert (here / name).read_text() == "of another run"
        for made in set(names(here)) - {"a.png", "b.png"}:
            (here / made).unlink()
    assert amsr(*command, "--overwrite").exit_code == 0
    assert image.read(here / name).size


def test_inputs_that_want_one_name_lose_no_result(here: Path, command: Command) -> None:
    arguments, ending = command
    draw(here / "a.png", colour="red")
    draw(here / "a.jpg", colour="blue")
    draw(here / "sub" / "a.png", colour="lime")
    one_call = amsr(*arguments, "a.png", "a.jpg", "sub/a.png", "-o", "out")
    assert one_call.exit_code == 1
    assert len([line for line in errors(one_call) if "is the result of a.png already" in line]) == 2
    first = (here / "out" / f"a{ending}").read_bytes()
    two_calls = amsr(*arguments, "a.jpg", "-o", "out")
    assert "exists" in errors(two_calls)[0]
    assert (here / "out" / f"a{ending}").read_bytes() == first
    assert amsr(*arguments, "a.jpg", "-o", "out", "--suffix", "_jpg").exit_code == 0
    assert names(here / "out") == ["a_jpg.png", f"a{ending}"]


def test_a_picture_that_fails_leaves_its_name_to_others(here: Path, command: Command) -> None:
    arguments, ending = command
    (here / "a.png").write_text("no picture")
    (here / "a.webp").write_text("nor this")
    draw(here / "a.jpg")
    draw(here / "b.png")
    draw(here / "sub" / "a.jpg")
    result = amsr(*arguments, "a.png", "a.webp", "a.jpg", "sub/a.jpg", "b.png", "-o", "out", "--json")
    assert result.exit_code == 1
    entries = {entry["input"]: entry for entry in map(json.loads, result.stdout.splitlines())}
    assert {name for name, entry in entries.items() if "output" in entry} == {"a.jpg", "b.png"}
    assert "is the result of a.jpg already" in entries["sub/a.jpg"]["error"]
    assert len(errors(result)) == 4
    assert names(here / "out") == [f"a{ending}", f"b{ending}"]


def test_several_pictures_need_a_folder(here: Path, command: Command) -> None:
    arguments, ending = command
    for name in ("a.png", "b.png", "in/c.png"):
        draw(here / name)
    (here / "file").write_text("in the way")
    for inputs in (["a.png", "b.png"], ["in"], ["*.png"]):
        for output in ("out.png", "file"):
            assert amsr(*arguments, *inputs, "-o", output).exit_code == 2
    assert not (here / "out.png").exists()
    assert amsr(*arguments, "a.png", "-o", "out.png").exit_code == 0
    (here / "folder.png").mkdir()
    assert amsr(*arguments, "a.png", "b.png", "-o", "folder.png").exit_code == 0
    assert names(here / "folder.png") == [f"a{ending}", f"b{ending}"]


def test_formats_and_suffixes(here: Path, command: Command) -> None:
    arguments, _ = command
    draw(here / "a.png")
    for name, form in (("jpg", "JPEG"), ("webp", "WEBP"), ("tiff", "TIFF"), ("bmp", "BMP")):
        assert amsr(*arguments, "a.png", "--format", name, "--suffix", "-new").exit_code == 0
        with Image.open(here / f"a-new.{name}") as file:
            assert file.format == form
    assert amsr(*arguments, "a.png", "-o", "b.png", "--format", "jpg").exit_code == 2
    assert amsr(*arguments, "a.png", "--suffix", "/../x").exit_code == 2
    assert "is an input" in errors(amsr(*arguments, "a.png", "--suffix", "", "--overwrite"))[0]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EIO])
def test_a_disk_that_takes_no_more(here: Path, command: Command, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    arguments, ending = command
    draw(here / "a.png")

    def fail(source: Path, target: Path, _replace: bool) -> None:
        raise OSError(number, os.strerror(number), str(source), None, str(target))

    monkeypatch.setattr(files, "publish", fail)
    result = amsr(*arguments, "a.png")
    assert result.exit_code == 1
    assert errors(result)[0].startswith(f"amsr: error: a{ending} cannot be written ({os.strerror(number)})")
    assert names(here) == ["a.png"]
