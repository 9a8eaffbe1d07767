"""Where pictures come from: pipes, devices, names of all kinds, and decoders that fail."""

from __future__ import annotations

import os
import sys
import tempfile
import threading
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from picture_cases import noise, smooth
from PIL import Image

from amsr_deploy import image
from amsr_deploy.errors import ImageError
from amsr_deploy.image import WriteOptions


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("suffix", [".png", ".tif", ".jpg", ".webp", ".jxl", ".avif", ".bmp"])
def test_a_picture_from_a_pipe(tmp_path: Path, suffix: str, dtype: type) -> None:
    image.write(tmp_path / f"a{suffix}", noise(dtype))
    expected = image.read(tmp_path / f"a{suffix}").rgb
    data = (tmp_path / f"a{suffix}").read_bytes()
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(data,))
    writer.start()
    np.testing.assert_array_equal(image.read(pipe).rgb, expected)
    writer.join()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_an_empty_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(b"",))
    writer.start()
    with pytest.raises(ImageError, match="is empty"):
        image.read(tmp_path / "pipe")
    writer.join()


@pytest.mark.skipif(sys.platform != "linux", reason="needs a file system of bytes")
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("suffix", [".png", ".tif", ".jxl", ".jpg"])
def test_names_in_a_legacy_encoding(tmp_path: Path, suffix: str, dtype: type) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9" + suffix.encode())
    picture = noise(dtype)
    image.write(path, picture, WriteOptions(lossless=suffix != ".jpg"))
    again = image.read(path)
    assert again.size == picture.size
    if suffix != ".jpg":
        np.testing.assert_array_equal(again.rgb, picture.rgb)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".jxl"])
def test_what_is_wrong_with_a_copy_is_said_of_the_picture(tmp_path: Path, suffix: str) -> None:
    """Decoders that need a file get a copy of what comes without one, whose name users must not see."""
    image.write(tmp_path / f"a{suffix}", noise(np.uint16))
    content = (tmp_path / f"a{suffix}").read_bytes()
    picture, messages = Path(f"a{suffix}"), []
    for place in range(100):
        damaged = bytearray(content)
        damaged[place] ^= 0xAA
        try:
            image.read(picture, bytes(damaged))
        except ImageError as error:
            messages.append(str(error))
    assert messages
    assert all(str(picture) in message and tempfile.gettempdir() not in message for message in messages)


@pytest.mark.skipif(not Path("/dev/null").exists(), reason="needs devices")
def test_a_device_is_no_picture() -> None:
    with pytest.raises(ImageError, match="is a device"):
        image.read("/dev/null")


def test_any_exception_of_a_decoder_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image.write(tmp_path / "a.webp", smooth())

    def fail(*_: object, **__: object) -> NDArray[np.float32]:
        raise ZeroDivisionError("first\nsecond")

    monkeypatch.setattr(Image.Image, "tobytes", fail)
    with pytest.raises(ImageError, match=r"damaged or cut off \(first\)"):
        image.read(tmp_path / "a.webp")
