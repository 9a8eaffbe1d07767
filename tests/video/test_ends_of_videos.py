"""However the work on a video ends, its file can be played or is not there, and memory and threads are given back."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from clips import assert_nothing_made, av, make, times_of
from command_line import amsr
from conftest import ROOT

from amsr_deploy.errors import ModelError
from amsr_deploy.video.reader import Reader


def test_a_full_disk_is_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    from amsr_deploy.video import writer

    opened = av.open

    def onto_a_full_disk(path: str, mode: str = "r", **options: Any) -> Any:
        return opened(
            "/dev/full" if mode == "w" else path, mode, **{**options, "format": "matroska"} if mode == "w" else options
        )

    source = make(tmp_path / "in.mkv", 5)
    monkeypatch.setattr(writer.av, "open", onto_a_full_disk)
    assert_nothing_made(amsr("video", source, "-o", tmp_path / "out.mkv"), tmp_path, "No space left", "out.mkv")


def test_a_folder_that_may_not_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = make(tmp_path / "in.mkv", 1)
    refusal = OSError(errno.EROFS, os.strerror(errno.EROFS))
    monkeypatch.setattr(tempfile, "TemporaryFile", Mock(side_effect=refusal))
    message = f"folder {tmp_path} may not be written ({os.strerror(errno.EROFS)}); choose another"
    assert_nothing_made(amsr("video", source, "-o", tmp_path / "out.mkv"), tmp_path, message)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_a_playable_file(number: signal.Signals, tmp_path: Path) -> None:
    source = make(tmp_path / "in.mkv", 400, size=(180, 320))
    command = [sys.executable, "-m", "amsr_deploy", "video", source, "-o", tmp_path / "out.mp4", "--no-reuse", "--json"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) as done:
        deadline = time.monotonic() + 60
        while not any(path.stat().st_size for path in tmp_path.glob(".*.mp4")) and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.5)
        done.send_signal(number)
        output, errors = done.communicate(timeout=60)
    assert done.returncode == 128 + number, errors
    report = json.loads(output)
    assert report["stopped"]
    assert 0 < report["frames"] == len(times_of(tmp_path / "out.mp4")) < 400
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mkv", "out.mp4"]


@pytest.mark.parametrize("error", [ModelError("not finite"), KeyboardInterrupt()])
@pytest.mark.parametrize("place", ["video.frames.VideoUpscaler.upscale", "video.writer.Writer.write"])
def test_no_thread_decodes_while_the_file_is_closed(
    place: str, error: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from amsr_deploy.video.reader import Reader

    source = make(tmp_path / "in.mkv", 12)
    before, close = threading.enumerate(), Reader.close
    alive: list[list[threading.Thread]] = []

    def fail(*_: Any) -> None:
        raise error

    def watched(reader: Reader) -> None:
        alive.append([thread for thread in threading.enumerate() if thread not in before])
        close(reader)

    monkeypatch.setattr(f"amsr_deploy.{place}", fail)
    monkeypatch.setattr(Reader, "close", watched)
    result = amsr("video", source, "-o", tmp_path / "out.mkv")
    assert result.exit_code == (130 if isinstance(error, KeyboardInterrupt) else 1), result.output
    assert alive == [[]]
    assert list(tmp_path.iterdir()) == [source]


@pytest.mark.slow
def test_memory_does_not_grow_with_length(tmp_path: Path) -> None:
    """2,000 frames, of which a list of the results would take 98 MB."""
    if not Path("/proc/self/status").exists():
        pytest.skip("this system does not tell the memory of a process in /proc")
    code = (
        "import sys; from amsr_deploy.cli import main\n"
        "try: main(['video', sys.argv[1], '-o', sys.argv[2], '--preset', 'ultrafast'])\n"
        "finally: print([line for line in open('/proc/self/status') if 'VmHWM' in line][0])"
    )
    peaks = []
    for count in (100, 2000):
        source = make(tmp_path / f"{count}.mkv", count, size=(64, 64), options={"preset": "ultrafast"})
        command = [sys.executable, "-c", code, source, tmp_path / f"out{count}.mkv"]
        done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
        assert done.returncode == 0, done.stderr
        peaks.append(int(done.stdout.split("VmHWM:")[1].split()[0]) / 1024)
    assert peaks[1] - peaks[0] < 40
