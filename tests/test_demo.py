"""`make demo` does what it says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from conftest import ROOT
from PIL import Image


def test_demo_writes_its_pictures(tmp_path: Path) -> None:
    script = ROOT / "examples" / "demo.py"
    done = subprocess.run([sys.executable, script, tmp_path / "demo"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "of the dense cost" in done.stdout
    with Image.open(tmp_path / "demo" / "osprey_x4.png") as file:
        assert file.size == (1920, 1080)
    assert (tmp_path / "demo" / "comparison.png").is_file()
