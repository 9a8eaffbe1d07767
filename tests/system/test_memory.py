"""Memory: how much a large result takes, and what is said where it is too little."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
from command_line import amsr
from conftest import ROOT
from control_groups import VERSION_1, VERSION_2, use_groups
from PIL import Image
from scale_cases import write_model

import amsr_deploy
from amsr_deploy import image
from amsr_deploy.errors import ImageError
from amsr_deploy.image import Picture, writing
from amsr_deploy.runtime.upscaler import Upscaler
from amsr_deploy.system import memory

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


@pytest.fixture(autouse=True)
def groups(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which the files of control groups are looked for."""
    folder = tmp_path_factory.mktemp("groups")
    use_groups(folder, monkeypatch)
    return folder


def limit(group: Path, version: int, most: int | None, used: int, dropped: int) -> None:
    """Write the files of a control group that limits its memory."""
    group.mkdir(parents=True, exist_ok=True)
    if version == 1:
        files = {"memory.limit_in_bytes": most or 9223372036854771712, "memory.usage_in_bytes": used}
        files["memory.stat"] = f"inactive_file 3\nrss 7\ntotal_inactive_file {dropped}"  # 3: of this group alone
    else:
        files = {"memory.max": most or "max", "memory.current": used, "memory.stat": f"anon 7\ninactive_file {dropped}"}
    for name, content in files.items():
        (group / name).write_text(f"{content}\n")


@pytest.fixture
def little(monkeypatch: pytest.MonkeyPatch) -> None:
    """A system that has 2 MiB left, of which 1 is swap."""
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=1 << 20))
    monkeypatch.setattr(psutil, "swap_memory", lambda: SimpleNamespace(free=1 << 20))


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
    monkeypatch.setattr(Upscaler, "prepare", lambda *_: pytest.fail("it should be refused before the work"))
    model = write_model(tmp_path / "repeat.onnx", 4)
    command = ["infer", tmp_path / "a.png", "--model", model, *arguments]
    result = amsr(*command)
    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 1
    for part in ("GiB of memory, and 0.0 are available", *helps):
        assert part in result.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"a.png", "repeat.onnx"}


ENCODE = """
import sys
import numpy as np
from pathlib import Path
from PIL import Image
from amsr_deploy import image
from amsr_deploy.system import memory

photo = np.tile(np.asarray(Image.open(sys.argv[1]).convert("RGB")), (5, 4, 1))[:1280, :1536]
small = image.Picture(np.zeros((320, 384, 3), np.float32))
options = image.WriteOptions(lossless=sys.argv[3] == "True")
with image.open_strips(Path(sys.argv[2]).with_suffix(".png"), small, photo.shape[:2]) as png:
    png.write(photo)
before = memory.peak_memory()
with image.open_strips(sys.argv[2], small, photo.shape[:2], options) as file:
    file.write(photo)
print(memory.peak_memory() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="the peak of a process can be read on Linux only")
@pytest.mark.parametrize(
    ("suffix", "lossless"),
    [(".jpg", False), (".webp", False), (".webp", True), (".avif", False), (".jxl", False), (".bmp", False)],
)
def test_writing_takes_no_more_memory_than_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, lossless: bool
) -> None:
    path = tmp_path / f"large{suffix}"
    arguments = [ROOT / "examples" / "osprey.png", path, lossless]
    run = subprocess.run(
        [sys.executable, "-c", ENCODE, *map(str, arguments)], capture_output=True, text=True, check=True
    )
    taken = int(run.stdout)
    options = image.WriteOptions(lossless=lossless)
    small = Picture(np.zeros((320, 384, 3), np.float32))
    monkeypatch.setattr(memory, "available_memory", lambda: taken)
    with pytest.raises(ImageError, match="GiB of memory"):
        image.check_fit(path, small, (1280, 1536), options)
    monkeypatch.setattr(memory, "available_memory", lambda: 5 * taken + (250 << 20))
    image.check_fit(path, small, (1280, 1536), options)


@pytest.mark.usefixtures("little")
def test_a_result_that_is_kept_takes_no_memory(tmp_path: Path) -> None:
    Image.new("RGB", (100, 500)).save(tmp_path / "a.png")
    (tmp_path / "a_x4.jpg").touch()
    model, mask = write_model(tmp_path / "repeat.onnx", 4), tmp_path / "mask.png"
    command = ["infer", tmp_path / "a.png", "--model", model, "--format", "jpg", "--skip-existing", "--save-mask", mask]
    result = amsr(*command)
    assert result.exit_code == 0, result.output
    assert mask.is_file()


@pytest.mark.usefixtures("little")
def test_tiles_take_half_of_the_memory_without_swap() -> None:
    assert memory.available_memory() == 2 << 20
    assert memory.memory_budget() == 1 << 19


@pytest.mark.parametrize(
    ("own", "version", "limited"),
    [
        pytest.param(VERSION_2.format(""), 2, "", id="a container sees its group as the root"),
        pytest.param(VERSION_2.format("user.slice/a.scope"), 2, "user.slice/a.scope", id="a group of its own"),
        pytest.param(VERSION_2.format("user.slice/a.scope"), 2, "user.slice", id="a group above it"),
        pytest.param(VERSION_1.format("docker/12ab"), 1, "memory", id="version 1, a container with the name outside"),
        pytest.param(VERSION_1.format("jobs/7"), 1, "memory/jobs/7", id="version 1, a group of its own"),
    ],
)
def test_the_limit_of_a_container_is_the_memory_there_is(groups: Path, own: str, version: int, limited: str) -> None:
    (groups / "own").write_text(own)
    limit(groups / limited, version, 5000, used=4500, dropped=600)
    assert memory.available_memory() == memory.available_memory(with_swap=False) == 1100
    assert memory.memory_budget() == 550
    with pytest.raises(ImageError, match="a picture takes"):
        memory.check_memory(1101, "a picture")


@pytest.mark.usefixtures("little")
@pytest.mark.parametrize("version", [1, 2])
def test_the_strictest_limit_counts(groups: Path, version: int) -> None:
    root = groups / ("memory" if version == 1 else "")
    (groups / "own").write_text((VERSION_1 if version == 1 else VERSION_2).format("pod/container"))
    limit(root, version, None, used=10**9, dropped=0)
    limit(root / "pod" / "container", version, 4 << 20, used=0, dropped=0)
    assert memory.available_memory() == 2 << 20  # of the system
    limit(root / "pod", version, 1000, used=400, dropped=100)
    assert memory.available_memory() == 700
    limit(root / "pod", version, 1000, used=1200, dropped=0)
    assert memory.available_memory() == 0


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
