"""How pictures are written: quality, compression, without metadata; and what a format cannot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from picture_cases import SRGB, noise, smooth
from PIL import Image

from amsr_deploy import image
from amsr_deploy.errors import UserError
from amsr_deploy.image import Picture, WriteOptions

LOSSY = [".jpg", ".webp", ".avif", ".jxl"]


@pytest.mark.parametrize("suffix", LOSSY)
def test_quality(tmp_path: Path, suffix: str) -> None:
    sizes = []
    for quality in (20, 60, 98):
        image.write(tmp_path / f"a{suffix}", noise(), WriteOptions(quality=quality))
        sizes.append((tmp_path / f"a{suffix}").stat().st_size)
    assert sizes == sorted(set(sizes))


@pytest.mark.parametrize("suffix", [".webp", ".jxl", ".png", ".tif", ".bmp"])
def test_lossless(tmp_path: Path, suffix: str) -> None:
    image.write(tmp_path / f"a{suffix}", noise(), WriteOptions(lossless=True))
    np.testing.assert_array_equal(image.read(tmp_path / f"a{suffix}").rgb, noise().rgb)


@pytest.mark.parametrize(
    ("suffix", "options", "words"),
    [
        (".png", {"quality": 90}, "PNG keeps every sample"),
        (".tif", {"quality": 90}, "TIFF keeps every sample"),
        (".jpg", {"lossless": True}, "JPEG cannot be lossless; use .*webp"),
        (".avif", {"lossless": True}, "AVIF cannot be lossless"),
        *(
            (suffix, {"compression": "small"}, r"no `compression` small: that is for .*\.png.*\.tif")
            for suffix in (".jpg", ".webp", ".avif", ".jxl", ".bmp")
        ),
        (".webp", {"lossless": True, "quality": 90}, "cannot be combined"),
        (".jpg", {"quality": 0}, "not between 1 and 100"),
        (".jpg", {"quality": 101}, "not between 1 and 100"),
    ],
)
def test_options_that_a_format_does_not_have(tmp_path: Path, suffix: str, options: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words):
        image.check_fit(tmp_path / f"a{suffix}", smooth(), options=WriteOptions(**options))


@pytest.mark.parametrize("suffix", [".png", ".tif", ".jpg", ".webp", ".avif", ".jxl"])
def test_stripped_metadata(tmp_path: Path, suffix: str) -> None:
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    exif[0x8825] = {1: "N", 2: (52.0, 30.0, 15.5)}
    source = Image.fromarray(np.rint(smooth().rgb * 255).astype(np.uint8))
    source.save(tmp_path / "a.png", exif=exif, dpi=(300, 300), icc_profile=SRGB)
    image.write(tmp_path / f"b{suffix}", image.read(tmp_path / "a.png"), WriteOptions(strip_metadata=True))
    metadata = image.read(tmp_path / f"b{suffix}").metadata
    assert metadata.exif is None
    assert metadata.resolution is None
    assert metadata.icc_profile


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_small_files_are_smaller_and_the_same(tmp_path: Path, suffix: str) -> None:
    steps = np.cumsum(np.random.default_rng(0).integers(-3, 4, (200, 300, 3)), axis=1) % 256
    rough = steps.astype(np.float32) / np.float32(255)
    sizes = {}
    for compression in ("fast", "small"):
        image.write(tmp_path / f"a{suffix}", Picture(rough), WriteOptions(compression=compression))
        np.testing.assert_array_equal(image.read(tmp_path / f"a{suffix}").rgb, rough)
        sizes[compression] = (tmp_path / f"a{suffix}").stat().st_size
    assert sizes["small"] < sizes["fast"]


@pytest.mark.parametrize("suffix", [".jpg", ".bmp"])
def test_an_opaque_picture_needs_no_alpha(tmp_path: Path, suffix: str) -> None:
    picture = Picture(smooth().rgb, np.ones((30, 40), np.float32))
    image.check_output(tmp_path / f"a{suffix}", picture)
    image.write(tmp_path / f"a{suffix}", picture)
    assert image.read(tmp_path / f"a{suffix}").alpha is None
