"""Small pictures and short trainings for the tests of `amsr train`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from PIL import Image

from amsr_deploy.training.config import Config

OSPREY = Path(__file__).parents[2] / "examples" / "osprey.png"


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Networks this small lose time on threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two parts of a real photo, 160x128 and 128x128, as HR pictures."""
    path = tmp_path / "pictures"
    path.mkdir()
    with Image.open(OSPREY) as photo:
        photo.crop((120, 30, 280, 158)).save(path / "a.png")
        photo.crop((200, 60, 328, 188)).save(path / "b.png")
    return path


@pytest.fixture
def config(folder: Path) -> Config:
    """A training of a few quick steps in float32."""
    return Config.of(
        "fsrcnn",
        str(folder),
        dilation=3,
        steps=8,
        batch_size=4,
        patch_size=8,
        validate_every=100,
        reductions=(1.0, 0.5),
        device="cpu",
        precision="float32",
    )
