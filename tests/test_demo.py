"""`make demo` does what it says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from conftest import ROOT
from PIL import Image

WITHOUT_EXTRAS = """
import runpy, sys
sys.modules.update(dict.fromkeys(("torch", "onnx", "skimage", "matplotlib")))  # importing them fails
runpy.run_path(sys.argv.pop(1), run_name="__main__")
"""
"""Runs a script with the packages that `make demo` installs, and no others."""


def test_demo_writes_its_pictures_and_measures_each_way(tmp_path: Path) -> None:
    command = (sys.executable, "-c", WITHOUT_EXTRAS, ROOT / "examples" / "demo.py", tmp_path / "demo")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with Image.open(tmp_path / "demo" / "osprey_x4.png") as file:
        assert file.size == (1920, 1080)
    with Image.open(tmp_path / "demo" / "osprey_mask.png") as file:
        assert file.size == (480, 270)
    assert (tmp_path / "demo" / "comparison.png").is_file()
    lines = re.findall(r"^(\w+) +([\d.]+) +([\d.]+) dB$", done.stdout, flags=re.MULTILINE)
    quality = {name: float(psnr) for name, _, psnr in lines}
    assert list(quality) == ["bicubic", "masked", "dense"]
    assert quality["bicubic"] + 1 < quality["masked"] <= quality["dense"]
