"""Memory: how much a large result takes, and what is said where it is too little."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from scale_cases import write_model

import amsr_deploy
from amsr_deploy import image, memory
from amsr_deploy.cli import main
from amsr_deploy.errors import ImageError
from amsr_deploy.image import Picture, writing
from amsr_deploy.runtime.upscaler import Upscaler

PEAK = """
import sys
from amsr_deploy.cli import main
try:
    main(sys.argv[1:])
finally:
    (line,) = (line for line in open("/proc/self/status") if line.startswith("VmHWM:"))
    print(line.split()[1])
"""
"""Runs a command line and prints the largest resident memory in KiB, which does not begin with that of the parent."""


@pytest.fixture
def little(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A system that has 2 MiB left, of which 1 is swap."""
    info = tmp_path / "meminfo"
    info.write_text("MemTotal: 9000 kB\nMemFree: 7 kB\nMemAvailable: 1024 kB\nSwapFree: 1024 kB\nHugePages_Total: 0\n")
    monkeypatch.setattr(memory, "_MEMORY_FILE", info)


@pytest.mark.usefixtures("little")
@pytest.mark.parametrize(
    ("arguments", "helps"),
    [
        (["--format", "jpg"], ["JPEG", "write PNG or TIFF", "--scale"]),
        (["--format", "jxl"], ["JPEG XL", "write PNG or TIFF", "--scale"]),
        (["--width", 300], ["400x2000 pixels that is reduced", "--scale"]),
        (["--compare"], ["400x2000 pixels that is reduced or compared", "--compare"]),
    ],
)
def test_too_little_memory_is_said_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[object], helps: list[str]
) -> None:
    Image.new("RGB", (100, 500)).save(tmp_path / "a.png")
    monkeypatch.setattr(Upscaler, "start", lambda *_: pytest.fail("it should be refused before the work"))
    model = write_model(tmp_path / "repeat.onnx", 4)
    command = ["infer", tmp_path / "a.png", "--model", model, *arguments]
    result = CliRunner().invoke(main, [str(argument) for argument in command])
    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 1
    for part in ("GiB of memory, and 0.0 are available", *helps):
        assert part in result.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"a.png", "repeat.onnx", "meminfo"}


@pytest.mark.usefixtures("little")
def test_tiles_take_half_of_the_memory_without_swap() -> None:
    assert memory.available_memory() == 2 << 20
    assert memory.memory_budget() == 1 << 19


def test_memory_where_the_system_does_not_tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_MEMORY_FILE", tmp_path / "missing")
    assert memory.available_memory() is None
    assert memory.memory_budget() == memory.CAUTIOUS


@pytest.mark.usefixtures("little")
def test_strips_need_no_memory_for_the_whole(tmp_path: Path) -> None:
    Image.new("RGB", (100, 500)).save(tmp_path / "a.png")
    with amsr_deploy.load(write_model(tmp_path / "repeat.onnx", 4)) as upscaler:
        upscaler.upscale_file(tmp_path / "a.png", tmp_path / "b.tif")
    with Image.open(tmp_path / "b.tif") as file:
        assert file.size == (400, 2000)


@pytest.mark.parametrize("suffix", [".jpg", ".jxl"])
def test_memory_that_runs_out_while_encoding_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    def fail(*_: object, **__: object) -> bytes:
        raise MemoryError

    monkeypatch.setattr(writing, "encode_jxl", fail)
    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(ImageError, match=r"does not fit in memory as JPEG.*PNG or TIFF"):
        image.write(tmp_path / f"a{suffix}", Picture(np.zeros((4, 5, 3), np.float32)))
    assert not list(tmp_path.iterdir())


def test_unknown_memory_refuses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_MEMORY_FILE", tmp_path / "none")
    memory.check_memory(1 << 60, "all")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the system does not report the memory of a process")
@pytest.mark.parametrize(("suffix", "most"), [("png", 0.4), ("jpg", 0.65)])
def test_a_large_result_is_not_in_memory_as_floats(tmp_path: Path, suffix: str, most: float) -> None:
    """As float32 the result of 9600x6000 pixels alone takes 0.64 GiB, beside 0.25 for all else."""
    Image.new("RGB", (2400, 1500), "teal").save(tmp_path / "a.png")
    model = write_model(tmp_path / "repeat.onnx", 4)
    command = ["infer", tmp_path / "a.png", "-o", tmp_path / f"b.{suffix}", "--model", model, "-q"]
    done = subprocess.run(
        [sys.executable, "-c", PEAK, *map(str, command)], capture_output=True, text=True, check=True, timeout=300
    )
    assert int(done.stdout) / 2**20 < most
