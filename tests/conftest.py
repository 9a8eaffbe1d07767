"""Shared by all tests: the hypothesis profile, photos, the data folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from numpy.typing import NDArray
from PIL import Image

settings.register_profile("amsr", deadline=None, max_examples=50, derandomize=True)
settings.load_profile("amsr")

ROOT = Path(__file__).parent.parent
DATA = ROOT.parent / "shared" / "data"
OSPREY = ROOT / "examples" / "osprey.png"


@pytest.fixture
def photo() -> NDArray[np.float32]:
    """A real photo [90, 120, 3] float32 in [0, 1]."""
    with Image.open(OSPREY) as file:
        return np.asarray(file.crop((130, 30, 250, 120)).convert("RGB"), dtype=np.float32) / 255


@pytest.fixture
def photo_file(tmp_path: Path) -> Path:
    """A real photo of 48 x 40 pixels as a PNG file in an empty folder."""
    path = tmp_path / "photo.png"
    with Image.open(OSPREY) as file:
        file.crop((150, 40, 198, 80)).save(path)
    return path


@pytest.fixture
def data() -> Path:
    """The folder of benchmark photos beside the repository."""
    if not DATA.is_dir():
        pytest.skip(f"the photo folder {DATA.relative_to(ROOT.parent)} is not beside the repository")
    return DATA
