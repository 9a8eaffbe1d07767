"""Two trainings never write to one folder."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import amsr, assert_refused, refusal
from training_cases import quick_config

from amsr_deploy.errors import TrainingError
from amsr_deploy.training.loop import train
from amsr_deploy.training.run_folder import LOCK, RunFolder

HOLD = "import sys, filelock; lock = filelock.FileLock(sys.argv[1]); lock.acquire(); print(); sys.stdin.read()"


@pytest.fixture
def out(folder: Path, tmp_path: Path) -> Path:
    """The folder of a run that has ended."""
    train(quick_config(folder), tmp_path / "run")
    return tmp_path / "run"


@pytest.fixture
def other(out: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that holds the lock of the folder."""
    command = [sys.executable, "-c", HOLD, out / LOCK]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


def contents(folder: Path) -> dict[str, bytes]:
    """The files of a folder; but for the lock, which Windows lets nobody read."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != LOCK}


@pytest.mark.usefixtures("other")
def test_a_second_training_is_refused(out: Path, folder: Path) -> None:
    before = contents(out)
    for options in (["--resume"], ["--backbone", "fsrcnn", "--data", folder]):
        result = amsr("train", "--out", out, *options, "--device", "cpu", "--no-tensorboard")
        assert_refused(result, f"another training writes to {out}; wait for its end, or choose another --out", code=1)
    assert contents(out) == before


def test_a_killed_process_leaves_the_folder_free(out: Path, other: subprocess.Popen[bytes]) -> None:
    run = RunFolder(out)
    with pytest.raises(TrainingError, match="another training"), run.locked():
        pass
    other.kill()
    other.wait()
    with run.locked(), pytest.raises(TrainingError, match="another training"), RunFolder(out).locked():
        pass


@pytest.mark.parametrize("there", [[], ["run"], ["run", "run/notes.txt"]])
@pytest.mark.parametrize("option", ["--data missing", "--validation missing", "--patch-size 5000"])
def test_a_refused_training_leaves_nothing(option: str, there: list[str], folder: Path, here: Path) -> None:
    for name in there:
        (here / name).mkdir() if name == "run" else (here / name).touch()
    before = sorted(here.rglob("*"))
    arguments = ["--backbone", "fsrcnn", "--data", folder, "--device", "cpu", "--steps", 1, *option.split()]
    refusal(amsr("train", *arguments, "--out", here / "run" if there else here / "new" / "run"))
    assert sorted(here.rglob("*")) == before


def test_a_folder_that_cannot_be_made_is_named(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = amsr("train", "--out", tmp_path / "file", "--backbone", "fsrcnn", "--data", folder, "--device", "cpu")
    assert_refused(result, f"{tmp_path / 'file'} cannot be written to", code=1)
