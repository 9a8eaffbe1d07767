"""The command line as its users meet it."""

from __future__ import annotations

import dataclasses
import errno
import json
import logging
import os
import re
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import click
import numpy as np
import onnx
import pytest
import torch
from command_line import amsr, assert_refused
from conftest import ROOT, size
from export_cases import Exports
from PIL import Image
from safetensors.torch import save_file

from amsr_deploy import models
from amsr_deploy.cli import main
from amsr_deploy.commands.build_engine import wanted_export
from amsr_deploy.commands.group import shared_options
from amsr_deploy.commands.inspect import properties
from amsr_deploy.commands.messages import report_failure
from amsr_deploy.descriptor import BACKBONES, DEFAULT_BACKBONE
from amsr_deploy.errors import FileError, UserError
from amsr_deploy.image import Layout, StripWriter
from amsr_deploy.mask import compute_mask
from amsr_deploy.model_file import read_metadata
from amsr_deploy.wording import one_line


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An exported FSRCNN."""
    folder = tmp_path_factory.mktemp("model")
    torch.manual_seed(0)
    save_file(models.create("fsrcnn").state_dict(), folder / "fsrcnn.safetensors")
    path = folder / "fsrcnn_x4.onnx"
    result = amsr("export", "--backbone", "fsrcnn", "--weights", folder / "fsrcnn.safetensors", "--output", path)
    assert result.exit_code == 0, result.output
    assert "differs from PyTorch by at most" in result.stdout
    return path


def test_three_commands_of_the_readme(photo_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("tensorrt_rtx_bindings", reason="TensorRT for RTX has no wheel for this platform")
    monkeypatch.chdir(photo_file.parent)
    exported = amsr("export", "--backbone", "fsrcnn")
    assert exported.exit_code == 0, exported.output
    assert Path("fsrcnn_x4.onnx").is_file()
    built = amsr("build-engine", "--fp16")
    assert built.exit_code == 0, built.output
    inferred = amsr("infer", "photo.png")
    assert inferred.exit_code == 0, inferred.output
    if "tensorrt" not in inferred.stdout:  # no GPU here, or none that fits
        assert ".engine is not used: " in inferred.stderr
        assert "fsrcnn_x4.onnx (yours)" in inferred.stdout
    assert size(Path("photo_x4.png")) == (192, 160)


def test_the_newest_export_of_the_folder_runs_unless_another_is_named(
    photo_file: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(photo_file.parent)
    assert f"{DEFAULT_BACKBONE}_x4.onnx (shipped)" in amsr("infer", photo_file, "--precision", "float32").stdout
    Path("mine.onnx").write_bytes(model.read_bytes())
    assert "mine.onnx (yours)" in amsr("infer", photo_file, "--overwrite").stdout
    assert "carn_x4.onnx (shipped)" in amsr("infer", photo_file, "--backbone", "carn", "--overwrite").stdout


def test_a_name_in_place_of_a_file_is_the_shipped_model(
    photo_file: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(photo_file.parent)
    Path("mine.onnx").write_bytes(model.read_bytes())
    result = amsr("infer", photo_file, "--model", "disp", "--scale", 2, "--precision", "float32")
    assert "disp_x2.onnx (shipped)" in result.stdout, result.output
    assert wanted_export(Path("carn"), None).name == "carn_x4.onnx"


@pytest.mark.parametrize("backbone", ["carn", "fsrcnn"])
def test_shipped_model_beats_bicubic(backbone: str, data: Path, tmp_path: Path) -> None:
    """At least 1.0 dB above bicubic on Set14 is what a model must reach to be shipped; two of its photos stand here."""
    from amsr_deploy.evaluation.metrics import psnr_y

    for name in ("img_005.png", "img_014.png"):
        with Image.open(data / "set14" / name) as file:
            large = file.convert("RGB")
        small = large.resize((large.width // 4, large.height // 4), Image.Resampling.BICUBIC)
        small.save(tmp_path / name)
        result = amsr("infer", "--backbone", backbone, tmp_path / name, "-o", tmp_path / "out.png", "--overwrite")
        assert result.exit_code == 0, result.output
        reference = np.asarray(large)
        with Image.open(tmp_path / "out.png") as upscaled:
            sharp = psnr_y(np.asarray(upscaled), reference, border=4)
        bicubic = np.asarray(small.resize(large.size, Image.Resampling.BICUBIC))
        assert sharp > psnr_y(bicubic, reference, border=4) + 0.5


def test_infer_reports_in_one_line(photo_file: Path, model: Path) -> None:
    result = amsr("infer", photo_file, "--model", model)
    assert result.exit_code == 0, result.output
    (line,) = result.stdout.splitlines()
    for part in ("photo_x4.png", "fsrcnn_x4.onnx", "onnxruntime", "density", "% of the dense cost", " s"):
        assert part in line
    assert size(photo_file.with_name("photo_x4.png")) == (192, 160)


def test_infer_reports_as_json(photo_file: Path, model: Path) -> None:
    result = amsr("infer", photo_file, "--model", model, "--json", "--dilation", 3)
    report = json.loads(result.stdout)
    figures = {"density", "cost_share", "seconds"}
    names = {"input", "model", "origin", "scale", "backend", "dilation", "output", "reduction"}
    names |= {"comparison", "mask"}
    assert set(report) == names | figures
    assert (report["input"], report["dilation"]) == (str(photo_file), 3)
    assert (report["scale"], report["reduction"]) == (4, None)
    with Image.open(photo_file) as file:
        expected = compute_mask(np.asarray(file, dtype=np.float32) / 255, 3)
    assert report["density"] == pytest.approx(expected.density)
    assert report["cost_share"] == pytest.approx((19_152 + 5_184 * expected.density) / 24_336)
    assert Path(report["output"]).is_file()


def test_one_input_goes_into_a_folder_that_is_not_there_yet(photo_file: Path, model: Path, tmp_path: Path) -> None:
    result = amsr("infer", photo_file, "-o", tmp_path / "new" / "folder", "--model", model)
    assert result.exit_code == 0, result.output
    assert size(tmp_path / "new" / "folder" / "photo_x4.png") == (192, 160)


def test_nothing_is_written_over_an_input(photo_file: Path, model: Path, tmp_path: Path) -> None:
    region = tmp_path / "region.png"
    Image.new("L", (48, 40), 255).save(region)
    before = {path: path.read_bytes() for path in (photo_file, region)}
    infer = ("infer", photo_file, "--model", model)
    assert_refused(amsr(*infer, "-o", photo_file), "photo.png is an input")
    assert_refused(amsr(*infer, "--save-mask", photo_file), "photo.png is an input")
    assert_refused(amsr(*infer, "--mask", region, "-o", region), "region.png is an input")
    assert_refused(amsr(*infer, "--mask", region, "--save-mask", region), "region.png is an input")
    assert_refused(amsr(*infer, "-o", tmp_path / "a.png", "--save-mask", tmp_path / "a.png"), "written twice")
    assert_refused(amsr(*infer, "--save-mask", tmp_path / "none" / "mask.png"), "none")
    assert_refused(amsr(*infer, "--mask", region, "--dilation", 3), "--mask")
    assert_refused(amsr("eval", "--data", tmp_path, "--json", photo_file), "photo.png does not end in .json")
    assert {path: path.read_bytes() for path in before} == before


def test_own_mask_saved_mask_and_dense(photo_file: Path, model: Path, tmp_path: Path) -> None:
    region = Image.new("L", (48, 40))
    region.paste(255, (10, 10, 30, 20))
    region.save(tmp_path / "region.png")
    saved = tmp_path / "saved.png"
    result = amsr(
        "infer", photo_file, "--model", model, "--mask", tmp_path / "region.png", "--save-mask", saved, "--json"
    )
    assert json.loads(result.stdout)["density"] == pytest.approx(200 / 1920)
    with Image.open(saved) as file:
        np.testing.assert_array_equal(np.asarray(file.convert("L")) > 127, np.asarray(region) > 127)
    dense = amsr("infer", photo_file, "--model", model, "--dense", "--json", "--overwrite")
    assert json.loads(dense.stdout)["density"] == 1


def test_inspect_shows_the_model(model: Path) -> None:
    result = amsr("inspect", model)
    assert result.exit_code == 0, result.output
    digests = [word for word in result.stdout.split() if len(word) == 64]
    assert len(digests) == 1
    assert int(digests[0], 16) > 0
    for part in ("index", "amsr.MaskedConv2d", "24,336", "78.7%", "dilation", "fsrcnn"):
        assert part in result.stdout


@pytest.mark.parametrize("loss", [0.0, 0.25])
def test_inspect_shows_a_loss_that_was_measured(loss: float, exports: Exports) -> None:
    table = properties(dataclasses.replace(read_metadata(exports("fsrcnn")), mask_loss=loss))
    assert ("mask_loss" in map(str, table.columns[0].cells)) == (loss > 0)


@pytest.mark.parametrize(
    "name", ["[/foo]", "[bold red]ok[/]", "[link=http://elsewhere]disp[/link]", "\x1b[31mred", "a\nb"]
)
def test_inspect_shows_what_a_file_says_as_it_is(name: str, model: Path, tmp_path: Path) -> None:
    changed = onnx.load(model)
    metadata = dataclasses.replace(read_metadata(model), backbone=name)
    onnx.helper.set_model_props(changed, metadata.to_properties())
    changed.graph.node[-1].output.append(name)
    changed.graph.output.add(name=name).type.sequence_type.elem_type.tensor_type.elem_type = onnx.TensorProto.FLOAT
    (tmp_path / "changed.onnx").write_bytes(changed.SerializeToString())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("onnx.checker.check_model", lambda _: None)  # which knows how many outputs a node has
        result = amsr("inspect", tmp_path / "changed.onnx")
    assert result.exit_code == 0, result.output
    (tensor,) = (line for line in result.stdout.splitlines() if f" out {one_line(name)} " in line)
    assert "sequence_type" in tensor
    assert any(f" {one_line(name)} " in line and " backbone " in line for line in result.stdout.splitlines())
    assert "\x1b" not in result.stdout


def test_one_pixel_picture(tmp_path: Path, model: Path) -> None:
    Image.new("RGB", (1, 1), "red").save(tmp_path / "dot.png")
    assert amsr("infer", tmp_path / "dot.png", "--model", model).exit_code == 0
    assert size(tmp_path / "dot_x4.png") == (4, 4)


def test_bad_arguments(photo_file: Path, model: Path, tmp_path: Path) -> None:
    infer = ("infer", photo_file, "--model", model)
    assert_refused(amsr(*infer, "--dilation", 4), "dilation 4")
    assert_refused(amsr(*infer, "--dense", "--dilation", 3), "--dense works everywhere", "combined with --dilation")
    assert_refused(amsr(*infer, "--dense", "--strategy", "median"), "works everywhere", "--strategy median")
    assert_refused(amsr("mask", photo_file, "--dilation", 2), "dilation 2")
    assert_refused(amsr("mask", photo_file, "--threshold", 0.5), "no windows")
    assert_refused(amsr("mask", photo_file, "--backbone", "swinir", "--threshold", 2), "not a share")
    assert_refused(amsr(*infer, "--threshold", 0.5), "no windows")
    assert_refused(amsr(*infer, "--device", "tpu"), "tpu")
    assert_refused(amsr(*infer, "--budget", 0), "above 0")
    Image.new("L", (5, 6)).save(tmp_path / "small.png")
    assert_refused(amsr(*infer, "--mask", tmp_path / "small.png"), "5 x 6", "48 x 40")
    for option in ("--mask", "--save-mask"):
        refused = amsr(*infer, option, tmp_path / "small.png", "--dense")
        assert_refused(refused, f"works everywhere: it cannot be combined with {option}")
    assert_refused(amsr(*infer, "-o", tmp_path / "none" / "out.png"), "none")
    assert_refused(amsr(*infer, "-o", tmp_path / "out.xyz"), "out.xyz")
    (tmp_path / "file").write_text("in the way")
    assert_refused(amsr(*infer, photo_file, "-o", tmp_path / "file"), "file")
    assert_refused(amsr("infer"), "INPUTS")
    assert_refused(amsr("export", "--backbone", "edsr"), "edsr")
    assert_refused(amsr("export", "--fp16", "--bf16"), "give one of them")
    assert_refused(amsr("export", "--weights", tmp_path / "none.pth"), "none.pth")
    assert_refused(amsr("export", "--output", tmp_path / "nowhere" / "carn.onnx"), "nowhere")


def test_foreign_models(tmp_path: Path, photo_file: Path) -> None:
    value = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1])
    node = onnx.helper.make_node("Relu", ["x"], ["y"])
    output = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1])
    graph = onnx.helper.make_graph([node], "foreign", [value], [output])
    model = onnx.helper.make_model(graph, ir_version=10, opset_imports=[onnx.helper.make_opsetid("", 20)])
    onnx.save(model, tmp_path / "foreign.onnx")
    (tmp_path / "text.onnx").write_text("hello")
    for name in ("foreign.onnx", "text.onnx", "missing.onnx"):
        assert_refused(amsr("infer", photo_file, "--model", tmp_path / name), name)
        assert_refused(amsr("inspect", tmp_path / name), name)


def test_a_model_that_may_not_be_read(photo_file: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    open_file = Path.open

    def refuse(path: Path, *mode: Any) -> Any:
        if path == model:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return open_file(path, *mode)

    monkeypatch.setattr(Path, "open", refuse)
    assert_refused(amsr("infer", photo_file, "--model", model), f"{model.name} may not be read; check its permissions")


@pytest.mark.parametrize("option", ["--batch-size", "--learning-rate", "--patch-size", "--validate-every", "--blocks"])
def test_settings_of_a_training_are_named_as_options(tmp_path: Path, option: str) -> None:
    result = amsr("train", "--backbone", "disp", "--data", tmp_path, "--out", tmp_path / "run", option, 0)
    assert_refused(result, f"{option} 0")


def test_settings_that_exclude_each_other(photo_file: Path, model: Path, exports: Exports, tmp_path: Path) -> None:
    both = amsr("infer", photo_file, "--model", model, "--backbone", "carn")
    assert_refused(both, "--backbone carn", str(model))
    dense = exports("fsrcnn", masked=False)
    saved = amsr("infer", photo_file, "--model", dense, "--save-mask", tmp_path / "mask.png")
    assert_refused(saved, "dense.onnx works everywhere", "--save-mask")
    Image.new("L", (48, 40), 255).save(tmp_path / "region.png")
    followed = amsr("infer", photo_file, "--model", dense, "--mask", tmp_path / "region.png")
    assert_refused(followed, "dense.onnx works everywhere", "--mask")
    fast = amsr("infer", photo_file, "--model", dense, "--quality-level", "fast")
    assert_refused(fast, "dense.onnx works everywhere: there is no mask to dilate")
    assert "--d" not in fast.output  # names no option that was not given
    assert [both.exit_code, saved.exit_code, followed.exit_code, fast.exit_code] == [2, 2, 2, 2]
    assert not photo_file.with_name("photo_x4.png").exists()


def test_a_loss_is_said_once(photo_file: Path, model: Path, caplog: pytest.LogCaptureFixture) -> None:
    deep = photo_file.with_name("deep.png")
    samples = np.random.default_rng(0).integers(0, 65535, (24, 32, 3), dtype=np.uint16)
    with StripWriter(deep, Layout((24, 32), 3, 16)) as writer:
        writer.write(samples)
    assert amsr("infer", deep, "--model", model, "-o", photo_file.with_name("a.jpg")).exit_code == 0
    assert amsr("mask", deep, "--overlay", "-o", photo_file.with_name("b.jpg")).exit_code == 0
    losses = [record.getMessage() for record in caplog.records if "rounds 16 bits to 8" in record.getMessage()]
    assert [message.split(":")[0].rsplit("/")[-1] for message in losses] == ["a.jpg", "b.jpg"]


@pytest.mark.parametrize("name", sorted(main.commands))
def test_help_explains_a_command_and_each_of_its_options(name: str) -> None:
    command = main.commands[name]
    options = [each for each in command.params if isinstance(each, click.Option)]
    assert not [option.opts for option in options if not (option.help or "[").partition("[")[0]]
    assert "..." not in command.get_short_help_str(limit=60)
    assert ("Examples:" in amsr(name, "--help").stdout) == (len(options) > len(shared_options()))


@pytest.mark.parametrize("command", ["export", "eval", "bench", "train"])
def test_a_scale_that_no_model_has_is_refused(command: str) -> None:
    assert "--scale [2|3|4] " in amsr(command, "--help").stdout
    assert_refused(amsr(command, "--scale", "5"), "'--scale': '5' is not one of '2', '3', '4'")


def test_names_that_break_lines_are_shown_in_one(photo_file: Path, tmp_path: Path) -> None:
    source = tmp_path / "two\nlines\x1b[31m.png"
    source.write_bytes(photo_file.read_bytes())
    done = amsr("mask", source)
    assert done.stdout.startswith(str(tmp_path / "two\\nlines\\x1b[31m_mask.png"))
    assert len(done.stdout.splitlines()) == 1
    assert_refused(amsr("mask", source), "two\\nlines")


def test_help_names_networks_as_choices_only() -> None:
    """What is written by hand would miss the next network."""
    for name, command in main.commands.items():
        for option in command.params:
            words = re.findall(r"\w+", getattr(option, "help", None) or "")
            assert not set(words) & (set(BACKBONES) - {DEFAULT_BACKBONE}), f"{name} {option.opts}"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["infer", "--help"], ["doctor"]])
def test_a_full_disk_behind_standard_output_is_one_line(arguments: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "amsr_deploy", *arguments]
        environment = os.environ | {"PYTHONUNBUFFERED": ""}  # with a buffer there is something left at the end
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, cwd=ROOT, env=environment)
    assert (done.returncode, done.stderr) == (1, "amsr: error: standard output: No space left on device\n")


def test_a_closed_pipe_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert report_failure(BrokenPipeError(32, "Broken pipe")) == 1
    assert capsys.readouterr().err == (
        "amsr: error: The output was closed (broken pipe); the rest was not processed.\n"
    )


@pytest.mark.parametrize("error", [FileError("odd"), OSError(5, "odd"), RuntimeError("odd")])
def test_debug_shows_the_traceback(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("amsr_deploy.commands.doctor.examine", Mock(side_effect=error))
    result = amsr("--debug", "doctor")
    assert result.exit_code == 1
    assert "Traceback" in result.stderr
    assert "odd" in result.stderr.splitlines()[-1]


@pytest.mark.parametrize("filters", ["ignore", "error"])
def test_filters_of_python_neither_hide_a_warning_nor_make_it_an_error(
    filters: str, photo_file: Path, model: Path
) -> None:
    command = [sys.executable, "-m", "amsr_deploy", "infer", photo_file, "--model", model, "--threads", "9999"]
    environment = {**os.environ, "PYTHONWARNINGS": filters}
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment)
    assert done.returncode == 0
    (line,) = done.stderr.splitlines()
    assert line.startswith("amsr: 9999 threads are more than the ")


@pytest.mark.parametrize(("options", "lines"), [([], ["amsr: odd"]), (["-v"], ["amsr: odd"]), (["-q"], [])])
def test_warnings_of_other_packages_are_lines(
    options: list[str], lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("amsr_deploy.commands.doctor.examine", lambda: warnings.warn("odd", stacklevel=1) or [])
    assert amsr("doctor", *options).stderr.splitlines() == lines


@pytest.mark.parametrize("options", [["-q"], ["-v"], ["--debug"], []])
@pytest.mark.parametrize("name", ["osprey.png", "none.png"])
def test_messages_of_a_command_end_with_it(options: list[str], name: str, tmp_path: Path) -> None:
    log = logging.getLogger("amsr_deploy")
    before = (log.level, log.handlers, warnings.showwarning, list(warnings.filters))
    amsr(*options, "mask", ROOT / "examples" / name, "-o", tmp_path / "mask.png")
    assert (log.level, log.handlers, warnings.showwarning, list(warnings.filters)) == before


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
@pytest.mark.parametrize(
    ("command", "option"),
    [
        (name, option.opts[0])
        for name, command in main.commands.items()
        if name != "video"  # see tests/video
        for option in command.params
        if option.type is click.FLOAT
    ],
)
def test_no_number_is_not_finite(photo_file: Path, tmp_path: Path, command: str, option: str, value: str) -> None:
    arguments = {
        "infer": (photo_file, "--backbone", "swinir"),
        "mask": (photo_file, "--backbone", "swinir"),
        "eval": ("--data", tmp_path, "--backbone", "swinir"),
        "train": ("--data", tmp_path, "--backbone", "fsrcnn", "--out", tmp_path / "run"),
    }[command]
    before = sorted(tmp_path.iterdir())
    result = amsr(command, *arguments, option, value)
    assert_refused(result, option.removeprefix("--").split("-")[0], value)
    assert sorted(tmp_path.iterdir()) == before


def test_errors_in_python_name_arguments(tmp_path: Path) -> None:
    from amsr_deploy.runtime.shipped import chosen_model

    with pytest.raises(UserError, match="`backbone` carn and `model`"):
        chosen_model("carn", tmp_path / "a.onnx")


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["infer", "a.png", "--for", "photo", "--model", "a.onnx"], "--model"),
        (["infer", "a.png", "--backbone", "carn", "--model", "a.onnx"], "--backbone carn and --model"),
        (["video", "a.mkv", "--for", "photo", "--model", "a.onnx"], "--model"),
        (["eval", "--data", ".", "--for", "photo", "--model", "a.onnx"], "--for"),
        (["eval", "--data", ".", "--backbone", "carn", "--model", "a.onnx"], "--backbone"),
        (["bench", "--data", ".", "--model", "a.onnx"], "--model"),
        (["bench", "--data", ".", "--backbone", "carn", "--model", "a.onnx", "--dense-model", "b.onnx"], "--backbone"),
        (["bench", "--data", ".", "--for", "photo", "--model", "a.onnx", "--dense-model", "b.onnx"], "--for"),
        (["build-engine", "a.onnx", "--for", "photo"], "MODEL"),
    ],
)
def test_errors_name_what_the_command_has(arguments: list[str], named: str) -> None:
    result = amsr(*arguments)
    (line,) = result.stderr.splitlines()
    assert result.exit_code == 2
    assert named in line
    assert "`" not in line
    options = {name for option in main.commands[arguments[0]].params for name in option.opts}
    assert set(re.findall(r"--[a-z-]+", line)) <= options
