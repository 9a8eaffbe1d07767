"""JPEG files: what a header says in plain words, and what is saved of one that is cut off."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from picture_cases import SRGB
from PIL import Image

from amsr_deploy import image
from amsr_deploy.errors import ImageError


def photo(height: int = 160, width: int = 120) -> Image.Image:
    """Coarse noise: every block differs, and JPEG keeps it well."""
    coarse = np.random.default_rng(0).integers(0, 256, (height // 8, width // 8, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


def jpeg(picture: Image.Image | None = None, **options: object) -> bytes:
    file = io.BytesIO()
    (picture or photo()).save(file, "JPEG", **options)
    return file.getvalue()


def whole(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")) / np.float32(255)


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:0"])
@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("lacking", [1, 2, 5, 100])
def test_a_jpeg_that_lacks_only_its_end_is_read(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, lacking: int, mode: str, subsampling: str
) -> None:
    data = jpeg(photo().convert(mode), subsampling=subsampling)
    (tmp_path / "a.jpg").write_bytes(data[:-lacking])
    picture = image.read(tmp_path / "a.jpg")
    assert picture.size == (160, 120)
    np.testing.assert_array_equal(picture.rgb[:112], whole(data)[:112])
    assert "lacks its end" in caplog.text
    if lacking <= 2:
        np.testing.assert_array_equal(picture.rgb, whole(data))
        assert "of 160 rows 0 are missing" in caplog.text


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("share", [0.05, 0.3, 0.5])
def test_a_jpeg_that_lacks_much_is_refused(tmp_path: Path, share: float, progressive: bool) -> None:
    data = jpeg(photo(), progressive=progressive)
    (tmp_path / "a.jpg").write_bytes(data[: int(len(data) * share)])
    with pytest.raises(ImageError, match="damaged or cut off"):
        image.read(tmp_path / "a.jpg")


@pytest.mark.parametrize("lacking", [2, 50])
def test_a_progressive_jpeg_that_lacks_a_part_of_its_last_scan(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, lacking: int
) -> None:
    data = jpeg(photo(), progressive=True)
    (tmp_path / "a.jpg").write_bytes(data[:-lacking])
    assert np.abs(image.read(tmp_path / "a.jpg").rgb - whole(data)).mean() < 0.02
    assert "last scan" in caplog.text


@pytest.mark.parametrize("precision", [12, 16])
@pytest.mark.parametrize("frame", [0xC0, 0xC1, 0xC2, 0xC3])
def test_other_precisions_are_named(tmp_path: Path, frame: int, precision: int) -> None:
    data = bytearray(jpeg())
    place = data.index(b"\xff\xc0")
    data[place + 1], data[place + 4] = frame, precision
    (tmp_path / "a.jpg").write_bytes(data)
    with pytest.raises(ImageError, match=f"JPEG with {precision} bits per sample"):
        image.read(tmp_path / "a.jpg")


@pytest.mark.parametrize(("frame", "words"), [(0xC5, "hierarchical"), (0xF7, "JPEG-LS")])
def test_other_kinds_are_named(tmp_path: Path, frame: int, words: str) -> None:
    data = bytearray(jpeg())
    data[data.index(b"\xff\xc0") + 1] = frame
    (tmp_path / "a.jpg").write_bytes(data)
    with pytest.raises(ImageError, match=words):
        image.read(tmp_path / "a.jpg")


def test_a_file_without_a_frame(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(jpeg()[:20])
    with pytest.raises(ImageError, match="no frame"):
        image.read(tmp_path / "a.jpg")


def test_a_profile_that_is_not_whole_is_dropped_aloud(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    data = jpeg(icc_profile=SRGB).replace(b"ICC_PROFILE\0\1\1", b"ICC_PROFILE\0\1\2")
    (tmp_path / "a.jpg").write_bytes(data)
    assert image.read(tmp_path / "a.jpg").metadata.icc_profile is None
    assert "profile is damaged" in caplog.text


@pytest.mark.parametrize("progressive", [False, True])
def test_a_size_that_the_bytes_cannot_hold_is_refused(tmp_path: Path, progressive: bool) -> None:
    data = jpeg(Image.new("L", (1600, 1600), 90), progressive=progressive, quality=1)
    told = (1600).to_bytes(2, "big") * 2
    assert data.count(told) == 1
    (tmp_path / "a.jpg").write_bytes(data)
    assert image.read(tmp_path / "a.jpg").size == (1600, 1600)
    (tmp_path / "a.jpg").write_bytes(data.replace(told, (12_000).to_bytes(2, "big") * 2))
    with pytest.raises(ImageError, match=r"bytes cannot hold 12000x12000 pixels\); copy or export it again$"):
        image.read(tmp_path / "a.jpg")


def test_exif_that_is_too_large_is_dropped_before_the_work(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    exif = Image.Exif()
    exif[0x010E] = "x" * 70_000
    photo().save(tmp_path / "a.png", exif=exif)
    picture = image.read(tmp_path / "a.png")
    image.check_output(tmp_path / "b.jpg", picture)
    assert caplog.text.count("too large for JPEG") == 1
    image.write(tmp_path / "b.jpg", picture)
    assert caplog.text.count("too large") == 1
    assert image.read(tmp_path / "b.jpg").metadata.exif is None


def test_a_header_alone_is_read_through_padding_and_thumbnails(tmp_path: Path) -> None:
    """Fill bytes between segments, and a picture inside one with another precision."""
    inner = bytearray(jpeg(photo(16, 16)))
    inner[inner.index(b"\xff\xc0") + 4] = 12
    segment = b"\xff\xff\xff\xec" + (len(inner) + 2).to_bytes(2, "big") + inner
    data = jpeg()
    (tmp_path / "a.jpg").write_bytes(data[:2] + segment + data[2:])
    np.testing.assert_array_equal(image.read(tmp_path / "a.jpg").rgb, whole(data))


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("quality", [100, 95, 80, 75, 40, 25])
def test_the_quality_is_that_of_the_encoder(tmp_path: Path, quality: int, mode: str) -> None:
    (tmp_path / "a.jpg").write_bytes(jpeg(photo().convert(mode), quality=quality))
    found = image.read(tmp_path / "a.jpg").metadata.jpeg_quality
    assert found == pytest.approx(quality, abs=1)


def test_the_quality_of_coarser_tables_than_the_encoder_makes(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(jpeg(qtables=[[255] * 64]))
    assert image.read(tmp_path / "a.jpg").metadata.jpeg_quality == 11


def test_other_files_have_no_jpeg_quality(tmp_path: Path) -> None:
    photo().save(tmp_path / "a.png")
    assert image.read(tmp_path / "a.png").metadata.jpeg_quality is None
