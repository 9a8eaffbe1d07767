"""Options that `amsr infer` and `amsr mask` share, and what is shown of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from batch_cases import Command, draw
from command_line import amsr
from conftest import osprey


def test_shared_options_stand_before_or_after_the_command(here: Path, command: Command) -> None:
    arguments, _ = command
    draw(here / "a.png")
    name, *rest = arguments
    for before, after in (([], ["-q"]), (["--quiet"], [])):
        quiet = amsr(*before, name, *rest, "a.png", "--overwrite", *after)
        assert (quiet.exit_code, quiet.stdout, quiet.stderr) == (0, "", "")
    for before, after in (([], ["--debug"]), (["--debug"], [])):
        result = amsr(*before, name, *rest, "none.png", *after)
        assert "Traceback" in result.stderr
        assert result.exit_code == 1
    draw(here / "a_mask.png")
    for before, after in (([], ["-v"]), (["--verbose"], [])):
        verbose = amsr(*before, name, *rest, ".", "--overwrite", *after).stderr
        assert "is passed over" in verbose
        assert ("runs on onnxruntime" in verbose) == (name == "infer")
    usual = amsr(name, *rest, ".", "--overwrite").stderr
    assert "is passed over" not in usual
    assert "runs on" not in usual
    assert amsr("-V").stdout == amsr("--version").stdout


def test_without_pictures_the_usage_is_short(command: Command) -> None:
    arguments, _ = command
    result = amsr(*arguments)
    assert result.exit_code == 2
    assert result.stderr.count(f"  amsr {arguments[0]} ") == 3
    assert len(result.stderr.splitlines()) < 10


def test_the_help_names_the_suffix(command: Command) -> None:
    (name, *_), ending = command
    words = " ".join(amsr(name, "--help").stdout.split())
    assert f"Ending of the outputs' names. [default: {Path(ending).stem}" in words


def test_misspelled_options_are_answered_with_the_nearest(command: Command) -> None:
    arguments, _ = command
    result = amsr(*arguments, "a.png", "--overwrit")
    assert result.exit_code == 2
    assert "--overwrite" in result.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
def test_a_terminal_gets_a_bar_and_a_pipe_none(here: Path, repeat_model: Path) -> None:
    import pty

    draw(here / "a.png", size=(40, 40))
    infer = ["infer", "a.png", "--model", str(repeat_model), "--overwrite", "--tile", "20"]
    command = [sys.executable, "-m", "amsr_deploy", *infer]
    piped = subprocess.run(command, capture_output=True, text=True, check=True)
    assert piped.stderr == ""
    master, slave = pty.openpty()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=slave) as process:
        os.close(slave)
        shown = b""
        try:
            while part := os.read(master, 4096):
                shown += part
        except OSError:  # the terminal is closed
            pass
        assert process.stdout is not None
        line = process.stdout.read().decode()
    os.close(master)
    assert b"a.png" in shown
    assert line.startswith("a_x4.png: repeat.onnx (yours)")


def test_what_a_budget_pays_for(here: Path, repeat_model: Path) -> None:
    """The model's fixed part costs 0.25 of dense: what is left of the budget is the density."""
    osprey().crop((100, 20, 260, 140)).save(here / "a.png")
    infer = ("infer", "a.png", "--model", repeat_model, "--json", "--overwrite")
    dilations = []
    for budget in (0.4, 0.6, 0.8):
        entry = json.loads(amsr(*infer, "--budget", budget).stdout)
        following = json.loads(amsr(*infer, "--dilation", entry["dilation"] + 2).stdout)
        assert entry["cost_share"] <= budget < following["cost_share"]
        dilations.append(entry["dilation"])
    assert dilations == sorted(set(dilations))
    assert f"(dilation {dilations[0]})" in amsr(*infer[:-2], "--overwrite", "--budget", 0.4).stdout
    poor = amsr(*infer, "--budget", 0.1)
    least = json.loads(poor.stdout)
    assert least["dilation"] == 1
    assert f"even dilation 1 costs {least['cost_share']:.3g} of the dense network, not 0.1" in poor.stderr
    levels = {
        level: json.loads(amsr(*infer, "--quality-level", level).stdout) for level in ("fast", "balanced", "best")
    }
    assert [entry["dilation"] for entry in levels.values()] == [1, 5, 21]
    for options in (["--budget", 0.4, "--dilation", 3], ["--budget", 0.4, "--dense"], ["--budget", 2], ["--budget", 0]):
        assert amsr(*infer, *options).exit_code == 2


def test_no_more_threads_than_cores(
    here: Path, repeat_model: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from amsr_deploy.runtime.backends import onnxruntime

    monkeypatch.setattr(onnxruntime, "usable_cores", lambda: 2)
    assert onnxruntime.session_options(999).intra_op_num_threads == 2
    assert "999 threads are more than the cores, which is slower; `threads` 2 is taken" in caplog.text
    assert onnxruntime.session_options(2).intra_op_num_threads == 2
    draw(here / "a.png")
    for options in (("--model", repeat_model), ("--backbone", "disp", "--width", 40)):  # the latter are two
        result = amsr("infer", "a.png", *options, "--threads", 999, "--overwrite")
        assert (result.exit_code, result.stderr.count("999 threads")) == (0, 1)
