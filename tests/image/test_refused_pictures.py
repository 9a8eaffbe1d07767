"""What cannot be read or written is refused in a line, before the work where that can be known."""

from __future__ import annotations

import io
import os
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from picture_cases import SRGB, camera_exif, file_bytes, from_samples, photo
from PIL import Image

from amsr_deploy import image
from amsr_deploy.errors import ImageError


def jpeg_bytes() -> bytes:
    file = io.BytesIO()
    Image.fromarray(photo(64, 64)).save(file, "JPEG")
    return file.getvalue()


def deep_png_bytes() -> bytes:
    return file_bytes(".png", photo(64, 64, 3, np.uint16))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("empty.png", b"", "is empty"),
        ("text.png", b"These are only words.", "is not a picture"),
        ("raw.gif", b"GIF89a" + bytes(20), "damaged or cut off"),
        ("raw.psd", b"8BPS" + bytes(20), "is not a picture"),
        ("cut.jpg", jpeg_bytes()[:1500], "damaged or cut off"),
        ("cut.png", deep_png_bytes()[:2000], "damaged"),
        ("cut.tif", file_bytes(".tif", photo(64, 64, 3, np.uint16))[:2000], "damaged|cut off"),
        ("cut8.tif", file_bytes(".tif", photo(64, 64))[:2000], "damaged|cut off"),
    ],
)
def test_unreadable_files(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ImageError, match=words) as error:
        image.read(tmp_path / name)
    assert str(tmp_path / name) in str(error.value)
    assert "\n" not in str(error.value)


@given(place=st.integers(0, 10**6), value=st.integers(0, 255), kind=st.sampled_from(["jpg", "png", "deep", "tif"]))
def test_a_damaged_byte_never_ends_in_a_traceback(scratch: Path, place: int, value: int, kind: str) -> None:
    content = bytearray(
        {
            "jpg": jpeg_bytes,
            "png": lambda: file_bytes(".png", photo(), SRGB, camera_exif()),
            "deep": lambda: file_bytes(".png", photo(dtype=np.uint16), SRGB, camera_exif()),
            "tif": lambda: file_bytes(".tif", photo(dtype=np.uint16), SRGB, camera_exif()),
        }[kind]()
    )
    content[place % len(content)] = value
    (scratch / "damaged").write_bytes(content)
    with suppress(ImageError):
        assert image.read(scratch / "damaged").rgb.ndim == 3


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="does not exist"):
        image.read(tmp_path / "nothing.png")
    with pytest.raises(ImageError, match="is a folder"):
        image.read(tmp_path)


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif"])
def test_several_pictures_in_one_file_are_refused(tmp_path: Path, suffix: str) -> None:
    frames = [Image.fromarray(photo()), Image.fromarray(255 - photo())]
    frames[0].save(tmp_path / f"a{suffix}", save_all=True, append_images=frames[1:])
    with pytest.raises(ImageError, match="holds 2 pictures"):
        image.read(tmp_path / f"a{suffix}")


def test_extra_pictures_of_a_phone_photo_do_not_matter(tmp_path: Path) -> None:
    frames = [Image.fromarray(photo(16, 16)), Image.fromarray(photo(8, 8))]
    frames[0].save(tmp_path / "a.jpg", "MPO", save_all=True, append_images=frames[1:])
    assert image.read(tmp_path / "a.jpg").size == (16, 16)


def test_pixel_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder) -> None:
    image.write(tmp_path / "rgb.png", from_samples(photo(10, 15)))
    image.write(tmp_path / "grey.tif", from_samples(photo(10, 15, 2, np.uint16)))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert image.read(tmp_path / "rgb.png").size == (10, 15)
    assert not recwarn.list
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 70)
    for name in ("rgb.png", "grey.tif"):
        with pytest.raises(ImageError, match="million pixels"):
            image.read(tmp_path / name)


@pytest.mark.parametrize("name", ["a", "a.gif", "a.png.txt"])
def test_unknown_suffix(tmp_path: Path, name: str) -> None:
    with pytest.raises(ImageError, match="suffix"):
        image.write(tmp_path / name, from_samples(photo()))


@pytest.mark.parametrize("suffix", [".jpg", ".bmp"])
def test_alpha_where_none_can_be(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(ImageError, match=r"transparency; use \.png, \.webp, \.tif"):
        image.write(tmp_path / f"a{suffix}", from_samples(photo(channels=4)))
    assert not list(tmp_path.iterdir())


def test_too_long_for_the_format(tmp_path: Path) -> None:
    picture = from_samples(photo(1, 5000))
    image.check_output(tmp_path / "a.webp", picture)
    with pytest.raises(ImageError, match="16383"):
        image.check_output(tmp_path / "a.webp", picture, size=(4, 20_000))


def test_output_folders_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder.png").mkdir()
    for path in (tmp_path / "none/a.png", tmp_path / "file/a.png", tmp_path / "folder.png"):
        with pytest.raises(ImageError, match="folder"):
            image.write(path, from_samples(photo()))


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="needs a user whom permissions bind")
def test_output_folder_without_permission(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(ImageError, match="may not be written"):
        image.write(tmp_path / "a.png", from_samples(photo()))
