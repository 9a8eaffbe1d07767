"""JPEG XL: its two forms, animations, and metadata beside the pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import OpenImageIO
import pytest
from picture_cases import camera_exif, noise

from amsr_deploy import image
from amsr_deploy.errors import ImageError
from amsr_deploy.image import Picture, WriteOptions, boxes
from amsr_deploy.image.jxl_header import is_animation


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_jpeg_xl_keeps_16_bits(tmp_path: Path, dtype: type) -> None:
    picture = noise(dtype)
    image.write(tmp_path / "a.jxl", picture, WriteOptions(lossless=True))
    again = image.read(tmp_path / "a.jxl")
    np.testing.assert_array_equal(again.rgb, picture.rgb)
    assert again.bits == picture.bits


def test_a_library_without_jpeg_xl_is_told_before_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = noise(np.uint8)
    image.write(tmp_path / "a.jxl", picture)
    monkeypatch.setattr(OpenImageIO, "get_string_attribute", lambda _: "png,tiff")
    for use in (image.read, lambda path: image.check_fit(path, picture), lambda path: image.write(path, picture)):
        with pytest.raises(ImageError, match=r"a\.jxl: this build of OpenImageIO has no JPEG XL; .*pip install"):
            use(tmp_path / "a.jxl")


@pytest.mark.parametrize("contained", [False, True])
def test_exif_is_added_to_both_forms_of_jpeg_xl(contained: bool) -> None:
    codestream = b"\xff\x0a" + bytes(30)
    data = boxes.jxl_with(codestream, b"first", None) if contained else codestream
    made = boxes.jxl_with(data, camera_exif()[6:], None)
    kinds = [kind for kind, _ in boxes.boxes(made)]
    assert kinds == [b"JXL ", b"ftyp", *([b"Exif"] * (1 + contained)), b"jxlc"]
    assert dict(boxes.boxes(made))[b"jxlc"] == codestream


@pytest.mark.parametrize("contained", [False, True])
def test_a_jpeg_xl_of_few_bytes_is_read(tmp_path: Path, contained: bool) -> None:
    image.write(tmp_path / "a.jxl", Picture(np.zeros((8, 8, 3), np.float32)), WriteOptions(lossless=True))
    data = (tmp_path / "a.jxl").read_bytes()
    if not contained:
        data = b"".join(body[4:] for kind, body in boxes.boxes(data) if kind == b"jxlp")
    assert len(data) < 128
    (tmp_path / "a.jxl").write_bytes(data)
    assert image.read(tmp_path / "a.jxl").size == (8, 8)


def jxl_head(side_bits: str, *, animation: bool) -> bytes:
    """The head of a codestream whose fields begin with those of its size; bits come lowest first."""
    bits = f"{side_bits}0110000{animation:d}"  # not all default, extra fields, orientation, neither size nor preview
    return b"\xff\x0a" + np.packbits([int(bit) for bit in bits.ljust(512, "0")], bitorder="little").tobytes()


@pytest.mark.parametrize("animation", [True, False])
@pytest.mark.parametrize(
    "side_bits",
    [
        "1" + "11100" + "100",  # 8 times 8 high, with a ratio
        "1" + "11100" + "000" + "10100",  # and a width of its own
        "0" + "00" + "110000000" + "000" + "10" + "1" * 13,  # sides of 9 and 13 bits
    ],
)
def test_an_animated_jpeg_xl_is_known(side_bits: str, animation: bool) -> None:
    assert is_animation(jxl_head(side_bits, animation=animation)) is animation


def test_an_animated_jpeg_xl_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.jxl").write_bytes(jxl_head("1" + "11100" + "100", animation=True))
    with pytest.raises(ImageError, match="holds an animation"):
        image.read(tmp_path / "a.jxl")


def test_metadata_that_jpeg_xl_has_compressed_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    image.write(tmp_path / "a.jxl", Picture(np.zeros((8, 8, 3), np.float32)))
    data = (tmp_path / "a.jxl").read_bytes()
    assert b"brob" not in data
    with_exif = boxes.jxl_with(data, b"II", None)
    (tmp_path / "a.jxl").write_bytes(with_exif.replace(b"Exif\0\0\0\0II", b"brobExif  "))
    image.read(tmp_path / "a.jxl")
    assert "EXIF is compressed by Brotli" in caplog.text
