"""What a terminal shows of how far a command is: nothing with `-q`, and it is given back where there are no threads."""

from __future__ import annotations

import io
import os
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from export_cases import Exports
from scale_cases import write_model

from amsr_deploy.cli import main
from amsr_deploy.system.threads import NO_THREADS
from amsr_deploy.training import tensorboard

pytestmark = [
    pytest.mark.usefixtures("quick_peak", "one_registry"),
    pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals"),
]

TRAINING = "--backbone fsrcnn --steps 2 --batch-size 4 --patch-size 8 --synthetic 0 --no-compile --no-tensorboard"
END = b"\0"
Arguments = tuple[object, ...]
COMMANDS: dict[str, Callable[[Path, Path, Exports], Arguments]] = {
    "infer": lambda data, model, _: (data / "[a].png", "--model", model, "--overwrite"),
    "mask": lambda data, *_: (data / "[a].png", "--overwrite"),
    "video": lambda _, model, __: (clip(Path("in.y4m")), "--model", model, "-o", "out.mkv", "--overwrite"),
    "eval": lambda data, model, _: ("--data", data, "--model", model),
    "bench": lambda data, _, exports: (
        *("--data", data, "--model", exports("fsrcnn"), "--dense-model", exports("fsrcnn", masked=False)),
        *("--width", 128, "--threads", 1, "--repeats", 1),
    ),
    "export": lambda *_: ("--backbone", "fsrcnn", "-o", "a.onnx"),
    "build-engine": lambda _, __, exports: (
        *(exports("fsrcnn"), "--edition", "tensorrt-rtx", "--max-shape", "64x64", "-o", "a.engine"),
    ),
    "train": lambda data, *_: ("--data", data, *TRAINING.split(), "--out", f"run{len(list(Path().glob('run*')))}"),
}


def clip(path: Path) -> Path:
    """Two grey frames."""
    path.write_bytes(b"YUV4MPEG2 W16 H16 F25:1 C420\n" + 2 * (b"FRAME\n" + bytes([128]) * 384))
    return path


def shown_on_terminal(
    name: str, *arguments: object, code: int = 0, meanwhile: AbstractContextManager[object] | None = None
) -> str:
    """Run a command whose standard error is a terminal, and that of a training its output too; all that is shown."""
    import pty

    master, slave = pty.openpty()
    shown = bytearray()

    def read() -> None:
        while not shown.endswith(END):  # processes that a command leaves behind may keep the terminal open
            shown.extend(os.read(master, 4096))

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    with os.fdopen(slave, "w") as terminal, redirect_stderr(terminal), meanwhile or nullcontext():
        with redirect_stdout(terminal if name == "train" else io.StringIO()), pytest.raises(SystemExit) as ended:
            main([name, *map(str, arguments)])
        terminal.write(END.decode())
    reader.join()
    os.close(master)
    assert (ended.value.code or 0) == code, shown.decode()
    return shown.removesuffix(END).decode()


@pytest.fixture
def run(name: str, folder: Path, exports: Exports, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Run a command on a terminal, on a picture whose name has brackets; returns what is shown."""
    if name == "build-engine":
        pytest.importorskip("tensorrt_rtx_bindings", reason="TensorRT for RTX has no wheel for this platform")
    monkeypatch.chdir(folder.parent)
    monkeypatch.setenv("TERM", "xterm")
    (folder / "a.png").rename(folder / "[a].png")
    (folder / "b.png").unlink()
    model = write_model(folder.parent / "repeat.onnx", 4)

    def on_terminal(*more: object, **others: Any) -> str:
        return shown_on_terminal(name, *COMMANDS[name](folder, model, exports), *more, **others)

    return on_terminal


@pytest.mark.parametrize("name", COMMANDS)
def test_a_terminal_shows_how_far_a_command_is_unless_it_is_quiet(name: str, run: Callable[..., str]) -> None:
    shown = run()
    assert "\x1b[" in shown
    if name == "bench":
        assert "on [a].png" in shown
    assert run("-q") == ""


@pytest.mark.parametrize("name", COMMANDS)
def test_without_threads_the_terminal_is_given_back(run: Callable[..., str]) -> None:
    """Or the line that says why were not shown, and the cursor were not either."""
    refused = patch.object(threading.Thread, "start", side_effect=RuntimeError("can't start new thread"))
    shown = run(code=1, meanwhile=refused)
    assert shown.count("\x1b[?25l") == shown.count("\x1b[?25h")
    assert NO_THREADS in shown.rpartition("\x1b[?25h")[2]


@pytest.mark.parametrize("name", ["train"])
def test_a_training_without_its_tensorboard_leaves_the_terminal_alone(
    run: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tensorboard, "find_spec", lambda _: None)
    shown = run("--tensorboard", code=1)
    assert "tensorboard" in shown
    assert "\x1b[" not in shown
