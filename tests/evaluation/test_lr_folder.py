"""LR pictures of a set's own: found by name, refused where they do not fit."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from amsr_deploy.errors import FileError, ImageError
from amsr_deploy.evaluation.lr_folder import LrFolder


@pytest.fixture
def lr(tmp_path: Path) -> Path:
    for name, side in {"a.png": 8, "bx4.bmp": 9, "small.png": 7}.items():
        Image.new("RGB", (side, 10), (side, 0, 0)).save(tmp_path / name)
    return tmp_path


@pytest.mark.parametrize(("name", "side"), [("a.jpg", 8), ("b.png", 9)])
def test_names_match_whatever_the_suffix(lr: Path, name: str, side: int) -> None:
    found = LrFolder(lr, 4).read(Path(name), (side * 4, 40))
    assert found.size == (side, 10)
    assert found.getpixel((0, 0)) == (side, 0, 0)


def test_what_does_not_fit_is_said(lr: Path) -> None:
    with pytest.raises(ImageError, match=r"no LR picture of c\.png; name it c or cx4"):
        LrFolder(lr, 4).read(Path("c.png"), (32, 40))
    with pytest.raises(ImageError, match=r"small\.png is 7x10; x4 of small\.png needs 8x10"):
        LrFolder(lr, 4).read(Path("small.png"), (32, 40))
    with pytest.raises(ImageError, match="no LR picture of b"):
        LrFolder(lr, 2).read(Path("b.png"), (18, 20))
    Image.new("RGB", (8, 10)).save(lr / "a.webp")
    with pytest.raises(FileError, match=r"a\.png and .*a\.webp are LR pictures of the same name"):
        LrFolder(lr, 4)
    with pytest.raises(FileError, match="not a folder"):
        LrFolder(lr / "a.png", 4)
