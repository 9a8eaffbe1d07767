"""What the system refuses is told in one line that blames the right thing, and nothing is lost in silence."""

from __future__ import annotations

import errno
import io
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import onnxruntime as ort
import pytest
from command_line import amsr, assert_refused, refusal
from PIL import Image

from amsr_deploy.cli import main
from amsr_deploy.commands.messages import describe_failure
from amsr_deploy.errors import ImageError
from amsr_deploy.image.source import Source
from amsr_deploy.system.threads import NO_THREADS

VIDEO = b"YUV4MPEG2 W16 H16 F25:1 C420\n" + 2 * (b"FRAME\n" + bytes([128]) * 384)
COMMANDS = {"infer": "noise.png", "video": "clip.y4m"}


@pytest.fixture
def here(here: Path) -> Path:
    """The current folder, with a picture and a video."""
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (24, 24, 3), np.uint8)).save("noise.png")
    Path("clip.y4m").write_bytes(VIDEO)
    return here


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (OSError(errno.ENOSPC, "full"), "standard output: full"),
        (OSError(errno.ENOSPC, "full", "a.png"), "a.png: full"),
        (OSError("lib.so: cannot be mapped"), "lib.so: cannot be mapped"),
        (FileNotFoundError(errno.ENOENT, "no folder for temporary files"), "no folder for temporary files"),
        (RuntimeError("can't start new thread"), NO_THREADS),
        (BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN), "a.mkv"), NO_THREADS),
        (BlockingIOError(errno.EAGAIN, "would block"), "standard output: would block"),
    ],
)
def test_what_is_blamed(error: Exception, line: str) -> None:
    assert describe_failure(error) == line


@pytest.mark.parametrize("command", COMMANDS)
def test_threads_that_do_not_start_are_said(command: str, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if command == "video":
        pytest.importorskip("av")
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", Mock(side_effect=RuntimeError("can't start new thread")))
        assert NO_THREADS in refusal(
            amsr(command, COMMANDS[command], "-o", "out.mkv" if command == "video" else "a.png")
        )
    failure = RuntimeError("/onnxruntime/env.cc:327 PosixThread pthread_create failed, error code: 11")
    monkeypatch.setattr(ort, "InferenceSession", Mock(side_effect=failure))
    assert refusal(amsr(command, COMMANDS[command])) == f"amsr: error: {NO_THREADS}"
    assert sorted(path.name for path in here.iterdir()) == sorted(COMMANDS.values())


def test_a_decoder_without_threads_is_named() -> None:
    av = pytest.importorskip("av")
    from amsr_deploy.video.reader import reason

    assert reason(av.error.BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))) == NO_THREADS


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps a folder that a process is in")
def test_a_current_folder_that_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    monkeypatch.chdir(folder)
    folder.rmdir()
    for command in ("infer", "mask", "video"):
        assert "the current folder does not exist any more" in refusal(amsr(command, tmp_path / "a.png"))


@contextmanager
def small_files() -> Iterator[None]:
    """Let no file become larger than 100 bytes, as if its disk were full."""
    resource = pytest.importorskip("resource", reason="this system limits no files")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.usefixtures("here")
def test_a_full_folder_for_temporary_files_is_named(repeat_model: Path) -> None:
    content = Path("noise.png").read_bytes()
    with small_files():
        received = amsr("infer", "-", "--model", repeat_model, "-o", "out.png", stdin=content)
        sent = amsr("infer", "noise.png", "--model", repeat_model, "-o", "-")
        with (
            pytest.raises(ImageError, match=r"a copy of a\.jxl cannot be kept in .*TMPDIR"),
            Source(Path("a.jxl"), io.BytesIO(content)).plain_path(".jxl"),
        ):
            pass
    assert_refused(received, "standard input cannot be kept in ", "TMPDIR", code=1)
    assert_refused(sent, "standard output cannot be kept in ", "TMPDIR", code=1)
    assert sent.stdout_bytes == b""


class Unbuffered(io.RawIOBase):
    """Standard output as PYTHONUNBUFFERED makes it, into a pipe that takes a part, or nothing."""

    def __init__(self) -> None:
        self.content, self.calls = b"", 0

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int | None:  # type: ignore[override]
        self.calls += 1
        if self.calls % 3 == 0:
            return None
        self.content += bytes(data[:100])
        return min(len(data), 100)


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("command", COMMANDS)
def test_a_pipe_that_takes_parts_gets_all(command: str, repeat_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if command == "video":
        pytest.importorskip("av")
    arguments = [command, COMMANDS[command], "--model", str(repeat_model), "-o", "-", "-q"]
    pipe = Unbuffered()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", io.TextIOWrapper(pipe, write_through=True))
        with pytest.raises(SystemExit, match=r"^0$"):
            main(arguments)
    assert pipe.content == amsr(*arguments).stdout_bytes
