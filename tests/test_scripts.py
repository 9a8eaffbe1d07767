"""Scripts for developers, called as nobody should call them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT
from PIL import Image


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
@pytest.mark.parametrize("script", ["benchmarks/cpu.sh", "examples/train_all.sh", "examples/training_ablation.sh"])
def test_scripts_without_arguments_say_what_they_take(script: str) -> None:
    done = subprocess.run(["bash", ROOT / script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert script.rpartition("/")[2] in done.stderr
    assert "unbound" not in done.stderr


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
@pytest.mark.parametrize(("argument", "words", "code"), [("--help", "[PHOTO]", 0), ("no.jpg", "No such file", 1)])
def test_what_needs_no_compiler_is_said_before_it_runs(argument: str, words: str, code: int) -> None:
    command = ["bash", ROOT / "benchmarks" / "pack_gpu.sh", argument]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    assert done.returncode == code
    assert words in done.stdout + done.stderr


def test_a_photo_is_reduced_for_the_pack(tmp_path: Path) -> None:
    small = tmp_path / "small.png"
    command = [sys.executable, ROOT / "benchmarks" / "photo.py", ROOT / "examples" / "osprey.png", small]
    subprocess.run(command, check=True)
    with Image.open(small) as picture:
        assert (picture.mode, picture.size) == ("RGB", (960, 540))


def test_memory_is_measured_for_formats_that_are_written() -> None:
    command = [sys.executable, ROOT / "benchmarks" / "memory.py", "8x8", "--output", "gif"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "invalid choice: 'gif'" in done.stderr
