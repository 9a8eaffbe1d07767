"""What a training tells."""

from __future__ import annotations

import io
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from amsr_deploy.dependencies import MissingDependencyError
from amsr_deploy.training import tensorboard
from amsr_deploy.training.report import (
    BarReporter,
    LineReporter,
    LogReporter,
    Reporter,
    Status,
    clock,
    default_reporters,
)
from amsr_deploy.training.validation import Validation

STATUS = Status(20, 100, 0.0321, 5, 1e-4, patches_per_second=64.0, remaining=3723.0)
DENSE = Status(100, 100, 0.02, None, 1e-4, 64.0, 0.0)
VALIDATION = Validation(100, 27.456, (np.zeros((8, 16, 3), np.uint8),))


def tell(reporter: Reporter) -> None:
    reporter.message("skipped: a picture")
    reporter.status(STATUS)
    reporter.status(DENSE)
    reporter.validation(VALIDATION)
    reporter.close()


def test_lines_hold_the_figures() -> None:
    lines: list[str] = []
    tell(LineReporter(lines.append))
    assert lines == [
        "skipped: a picture",
        "20/100 loss 0.03210 dilation 5 64 patches/s 1:02:03 left",
        "100/100 loss 0.02000 dense 64 patches/s 0:00:00 left",
        "100 validation PSNR-Y 27.456 dB",
    ]


def test_the_bar_shows_the_figures() -> None:
    out = io.StringIO()
    bar = BarReporter(Console(file=out, force_terminal=True, width=120))
    bar.validation(VALIDATION)
    bar.status(STATUS)
    bar.close()
    for words in ("20/100", "0.03210", "dilation 5", "64 patches/s", "27.46", "1:02:03"):
        assert words in out.getvalue()


def test_the_log_can_be_read_back(tmp_path: Path) -> None:
    tell(LogReporter(tmp_path))
    entries = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert entries[1]["loss"] == 0.0321
    assert entries[-1] == {"step": 100, "psnr_y": 27.456}


def test_what_is_told_before_the_folder_is_there_reaches_the_log(tmp_path: Path) -> None:
    reporter = LogReporter(tmp_path / "run")
    reporter.message("skipped: a picture")
    (tmp_path / "run").mkdir()
    reporter.message("step 0 of 8")
    entries = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert entries == [{"message": "skipped: a picture"}, {"message": "step 0 of 8"}]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
def test_what_a_log_has_no_room_for_waits(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    log, reporter = tmp_path / "log.jsonl", LogReporter(tmp_path)
    for number in (1, 2):
        log.symlink_to("/dev/full")
        for tell_more in (lambda: reporter.message("first"), lambda: reporter.message("second"), reporter.close):
            tell_more()
            assert caplog.text.count("log.jsonl lacks its last lines (No space left") == number
        log.unlink()
        reporter.message("third")
        assert [json.loads(line)["message"] for line in log.read_text().splitlines()] == ["first", "second", "third"]
        log.unlink()


def test_tensorboard_gets_curves_and_pictures(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    tell(tensorboard.TensorBoardReporter(tmp_path))
    events = EventAccumulator(str(tmp_path)).Reload()
    assert {"loss", "learning_rate", "dilation", "validation/psnr_y"} <= set(events.Tags()["scalars"])
    assert [event.value for event in events.Scalars("dilation")] == [5, 0]
    assert events.Tags()["images"] == ["validation/0"]


def test_curves_of_a_resumed_run_do_not_go_back(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    for steps in ((20, 40, 60, 80), (60, 80, 100)):  # the checkpoint was made at 50
        reporter = tensorboard.TensorBoardReporter(tmp_path)
        for step in steps:
            reporter.status(replace(STATUS, step=step))
        reporter.close()
    events = EventAccumulator(str(tmp_path)).Reload().Scalars("loss")
    assert [event.step for event in events] == [20, 40, 60, 80, 100]


def test_without_tensorboard_a_run_says_so_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tensorboard, "find_spec", lambda _: None)
    tell(default_reporters(tmp_path))
    assert capsys.readouterr().out.splitlines()[0].startswith("TensorBoard is not installed")
    with pytest.raises(MissingDependencyError, match="tensorboard"):
        default_reporters(tmp_path, tensorboard=True)
    default_reporters(tmp_path, tensorboard=False).close()
    (tmp_path / "quiet").mkdir()
    tell(default_reporters(tmp_path / "quiet", quiet=True))
    assert capsys.readouterr().out == ""
    assert (tmp_path / "quiet" / "log.jsonl").is_file()


def test_reports_need_no_tensorboard() -> None:
    assert "tensorboard" not in vars(sys.modules["amsr_deploy.training.report"])
    assert clock(59.6) == "0:01:00"
