"""The lines of the README for pictures work when they are pasted one after the other."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from command_line import amsr
from conftest import ROOT
from PIL import Image

WIDTH, HEIGHT = 960, 24


def lines() -> list[str]:
    """The lines that enlarge pictures or write masks, without their comments."""
    found = (line.strip() for line in (ROOT / "README.md").read_text().splitlines() if line.startswith("    amsr "))
    return [line.partition("#")[0].strip() for line in found if line.startswith(("amsr infer ", "amsr mask "))]


def test_the_first_screen_shows_a_picture_and_what_to_type() -> None:
    screen = "\n".join((ROOT / "README.md").read_text().splitlines()[:25])
    for words in ("\n![", "\n    make demo ", "\n    make test ", "\n    amsr infer "):
        assert words in screen


def test_the_completion_of_each_shell() -> None:
    instructions = re.findall(r"_AMSR_COMPLETE=(\w+) amsr", (ROOT / "README.md").read_text())
    assert len(instructions) == 3
    for instruction in instructions:
        environment = {**os.environ, "_AMSR_COMPLETE": instruction}
        script = subprocess.check_output([sys.executable, "-m", "amsr_deploy"], env=environment, text=True)
        assert f"_AMSR_COMPLETE={instruction.replace('source', 'complete')}" in script


def test_all_lines_in_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ramp = np.tile(np.linspace(0, 255, WIDTH, dtype=np.uint8), (HEIGHT, 1))
    photo = Image.fromarray(np.stack([ramp, ramp[:, ::-1], ramp // 2], axis=2))
    for name in ("photo.jpg", "a.png", "b1.jpg", "small.png", "region.png", "c.png", "photos/d.png", "photos/e/f.png"):
        Path(name).parent.mkdir(exist_ok=True)
        photo.save(name)
    Path("list.txt").write_text("c.png\n")
    assert len(lines()) > 10
    for line in lines():
        command, _, streams = line.partition(" < ")
        source, _, target = streams.partition(" > ")
        content = Path(source).read_bytes() if source else None
        result = amsr(*shlex.split(command)[1:], stdin=content)
        assert result.exit_code == 0, f"{line}\n{result.stderr}"
        if target:
            Path(target).write_bytes(result.stdout_bytes)
            with Image.open(target) as large:
                assert large.size == (4 * WIDTH, 4 * HEIGHT)
