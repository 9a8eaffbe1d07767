"""`-q` on a terminal: nothing shows how far a command is."""

from __future__ import annotations

import io
import os
import sys
import threading
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from export_cases import Exports
from scale_cases import write_model

from amsr_deploy.cli import main

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


def shown_on_terminal(name: str, *arguments: object) -> str:
    """Run a command whose standard error is a terminal, and that of a training its output too; all that is shown."""
    import pty

    master, slave = pty.openpty()
    shown = bytearray()

    def read() -> None:
        while not shown.endswith(END):  # processes that a command leaves behind may keep the terminal open
            shown.extend(os.read(master, 4096))

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    with os.fdopen(slave, "w") as terminal, redirect_stderr(terminal):
        with redirect_stdout(terminal if name == "train" else io.StringIO()), pytest.raises(SystemExit) as ended:
            main([name, *map(str, arguments)])
        terminal.write(END.decode())
    reader.join()
    os.close(master)
    assert not ended.value.code, shown.decode()
    return shown.removesuffix(END).decode()


@pytest.mark.parametrize("name", COMMANDS)
def test_a_terminal_shows_how_far_a_command_is_unless_it_is_quiet(
    name: str, folder: Path, exports: Exports, monkeypatch: pytest.MonkeyPatch
) -> None:
    if name == "build-engine":
        pytest.importorskip("tensorrt_rtx_bindings", reason="TensorRT for RTX has no wheel for this platform")
    monkeypatch.chdir(folder.parent)
    monkeypatch.setenv("TERM", "xterm")
    (folder / "a.png").rename(folder / "[a].png")
    (folder / "b.png").unlink()
    model = write_model(folder.parent / "repeat.onnx", 4)
    arguments = COMMANDS[name](folder, model, exports)
    shown = shown_on_terminal(name, *arguments)
    assert "\x1b[" in shown
    if name == "bench":
        assert "on [a].png" in shown
    arguments = COMMANDS[name](folder, model, exports)
    assert shown_on_terminal(name, *arguments, "-q") == ""
