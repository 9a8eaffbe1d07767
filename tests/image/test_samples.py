"""Each sample comes back as it was written, by us or by other software."""

from __future__ import annotations

import struct
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import OpenImageIO as oiio  # noqa: N813
import pytest
from cmyk_profile import cmyk_profile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from picture_cases import SRGB, arrays, assert_same, camera_exif, file_bytes, from_samples, photo, smooth
from PIL import Image, ImageCms

from amsr_deploy import image
from amsr_deploy.image.decoders import decode_deep
from amsr_deploy.image.pillow import from_pillow
from amsr_deploy.image.samples import sample_strips
from amsr_deploy.image.source import open_source


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@settings(max_examples=25)
@given(data=st.data())
def test_png_and_tiff_keep_every_sample(
    scratch: Path, data: st.DataObject, channels: int, dtype: type, suffix: str
) -> None:
    picture = from_samples(data.draw(arrays(channels, dtype)))
    image.write(scratch / f"a{suffix}", picture)
    assert_same(image.read(scratch / f"a{suffix}"), picture)


@pytest.mark.parametrize("bits", [8, 16])
def test_grey_is_rounded_as_colours_are(bits: Literal[8, 16]) -> None:
    plane = np.random.default_rng(0).random((500, 600, 1), dtype=np.float32)
    colours = image.Picture(plane.repeat(3, axis=2), bits=bits)
    grey, expected = sample_strips(replace(colours, grey=True), bits, 1), sample_strips(colours, bits, 3)
    np.testing.assert_array_equal(np.concatenate(list(grey)), np.concatenate(list(expected))[..., :1])


@pytest.mark.parametrize("channels", [1, 3])
@given(data=st.data())
def test_bmp_keeps_every_sample(scratch: Path, data: st.DataObject, channels: int) -> None:
    picture = from_samples(data.draw(arrays(channels)))
    image.write(scratch / "a.bmp", picture)
    assert_same(image.read(scratch / "a.bmp"), picture)


@pytest.mark.parametrize("suffix", [".jpg", ".webp"])
@pytest.mark.parametrize("channels", [1, 3])
def test_lossy_formats_stay_close(tmp_path: Path, suffix: str, channels: int) -> None:
    picture = smooth(channels)
    image.write(tmp_path / f"a{suffix}", picture)
    back = image.read(tmp_path / f"a{suffix}")
    np.testing.assert_allclose(back.rgb, picture.rgb, atol=0.04)
    if picture.grey:
        np.testing.assert_array_equal(back.rgb[..., 0], back.rgb[..., 2])


def test_jpeg_keeps_full_colour_resolution(tmp_path: Path) -> None:
    image.write(tmp_path / "a.jpg", from_samples(photo(32, 32)))
    with Image.open(tmp_path / "a.jpg") as stored:
        assert {layer[1:3] for layer in stored.layer} == {(1, 1)}


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_other_software_reads_16_bit_files(tmp_path: Path, suffix: str, channels: int) -> None:
    samples = photo(300, 500, channels, np.uint16)  # several strips
    image.write(tmp_path / f"a{suffix}", from_samples(samples))
    path = tmp_path / f"a{suffix}"
    with open_source(path) as source:
        np.testing.assert_array_equal(decode_deep(path, source).samples, samples)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_other_software_reads_8_bit_tiff(tmp_path: Path, channels: int) -> None:
    samples = photo(300, 500, channels)
    image.write(tmp_path / "a.tif", from_samples(samples))
    with Image.open(tmp_path / "a.tif") as stored:
        np.testing.assert_array_equal(np.asarray(stored).reshape(samples.shape), samples)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "RGB", "RGBA", "P"])
def test_every_mode_of_pillow_is_expanded(tmp_path: Path, mode: str) -> None:
    source = Image.fromarray(photo(channels=3 if mode == "P" else 4)).convert(mode)
    source.save(tmp_path / "a.png")
    picture = image.read(tmp_path / "a.png")
    assert picture.grey == (mode in ("1", "L", "LA"))
    assert (picture.alpha is not None) == (mode in ("LA", "RGBA"))
    expected = np.asarray(source.convert("RGBA"), dtype=np.float32) / 255
    np.testing.assert_array_equal(picture.rgb, expected[..., :3])


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "P"])
def test_a_transparent_colour_becomes_alpha(tmp_path: Path, mode: str) -> None:
    source = Image.fromarray(np.array([[0, 255, 0]], dtype=np.uint8)).convert(mode)
    clear = {"1": 255, "L": 255, "RGB": (255, 255, 255), "P": source.convert("P").getpixel((1, 0))}[mode]
    source.save(tmp_path / "a.png", transparency=clear)
    picture = image.read(tmp_path / "a.png")
    assert picture.alpha is not None
    np.testing.assert_array_equal(picture.alpha, [[1, 0, 1]])
    assert picture.grey == (mode in ("1", "L"))


def test_a_palette_with_alpha_is_expanded(tmp_path: Path) -> None:
    source = Image.fromarray(np.array([[0, 1, 2]], dtype=np.uint8), "P")
    source.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90])
    source.save(tmp_path / "a.png", transparency=bytes([0, 128, 255]))
    picture = image.read(tmp_path / "a.png")
    assert picture.alpha is not None
    np.testing.assert_array_equal(picture.alpha * 255, [[0, 128, 255]])
    np.testing.assert_allclose(picture.rgb[0] * 255, [[10, 20, 30], [40, 50, 60], [70, 80, 90]], rtol=1e-6)


def test_16_bit_transparent_colour_becomes_alpha(tmp_path: Path) -> None:
    Image.fromarray(np.array([[1, 300, 65535]], dtype=np.uint16)).save(tmp_path / "a.png", transparency=300)
    picture = image.read(tmp_path / "a.png")
    assert (picture.bits, picture.grey) == (16, True)
    np.testing.assert_array_equal(picture.alpha, [[1, 0, 1]])


def write_with_oiio(path: Path, samples: NDArray, **attributes: object) -> None:
    """A file by another writer than ours."""
    height, width, channels = samples.shape
    names = {"float32": "float", "uint32": "uint"}
    spec = oiio.ImageSpec(width, height, channels, names.get(samples.dtype.name, samples.dtype.name))
    if channels in (2, 4):
        spec.alpha_channel = channels - 1
    for name, value in attributes.items():
        spec[name.replace("_", ":", 1)] = value
    output = oiio.ImageOutput.create(str(path))
    assert output.open(str(path), spec)
    assert output.write_image(samples)
    output.close()


@pytest.mark.parametrize("compression", ["none", "lzw", "zip", "packbits"])
def test_compressed_16_bit_tiff(tmp_path: Path, compression: str) -> None:
    samples = photo(dtype=np.uint16)
    write_with_oiio(tmp_path / "a.tif", samples, compression=compression)
    assert_same(image.read(tmp_path / "a.tif"), from_samples(samples))


def test_white_is_zero_in_16_bit_tiff(tmp_path: Path) -> None:
    samples = photo(channels=1, dtype=np.uint16)
    write_with_oiio(tmp_path / "a.tif", samples, tiff_PhotometricInterpretation=0)
    data = bytearray((tmp_path / "a.tif").read_bytes())
    entry = data.index(struct.pack("<HHI", 262, 3, 1))
    data[entry + 8] = 0  # the writer stores white as it likes: say it by hand
    (tmp_path / "a.tif").write_bytes(data)
    assert_same(image.read(tmp_path / "a.tif"), from_samples(65535 - samples))


def test_premultiplied_16_bit_tiff_is_divided_by_alpha(tmp_path: Path) -> None:
    samples = np.array([[[1000, 2000, 3000, 32768], [0, 0, 0, 0], [7, 8, 9, 65535]]], dtype=np.uint16)
    write_with_oiio(tmp_path / "a.tif", samples)
    picture = image.read(tmp_path / "a.tif")
    expected = [[[2000, 4000, 6000], [0, 0, 0], [7, 8, 9]]]
    np.testing.assert_allclose(picture.rgb * 65535, expected, rtol=1e-3, atol=1e-3)


def test_cmyk_without_profile(tmp_path: Path) -> None:
    Image.new("CMYK", (8, 8), (0, 255, 255, 0)).save(tmp_path / "a.jpg", quality=100)
    np.testing.assert_allclose(image.read(tmp_path / "a.jpg").rgb, np.broadcast_to([1, 0, 0], (8, 8, 3)), atol=0.02)


def test_cmyk_is_converted_through_its_profile(tmp_path: Path) -> None:
    Image.new("CMYK", (8, 8), (255, 0, 0, 0)).save(tmp_path / "a.jpg", quality=100, icc_profile=cmyk_profile())
    picture = image.read(tmp_path / "a.jpg")
    assert picture.metadata.icc_profile is None
    grey = ((50 + 16) / 116) ** 3  # L* = 50, as the profile says of cyan; the plain formula says bright cyan
    np.testing.assert_allclose(picture.rgb, 1.055 * grey ** (1 / 2.4) - 0.055, atol=0.02)


def test_images_are_read_like_their_files(tmp_path: Path) -> None:
    colours, deep = Image.fromarray(photo()), Image.fromarray(photo(channels=1, dtype=np.uint16)[..., 0])
    colours.convert("CMYK").save(tmp_path / "plain.tif")
    colours.convert("CMYK").save(tmp_path / "profile.jpg", icc_profile=cmyk_profile())
    deep.save(tmp_path / "grey.png", transparency=deep.getpixel((3, 3)))
    profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    lab = ImageCms.profileToProfile(colours, *profiles, outputMode="LAB")
    assert lab is not None
    lab.save(tmp_path / "lab.tif")
    for path in tmp_path.iterdir():
        with Image.open(path) as opened:
            picture = from_pillow(opened)
        assert_same(picture, image.read(path))
        assert picture.metadata.icc_profile is None


def test_png_chunks_have_the_right_checksums() -> None:
    data = file_bytes(".png", photo(dtype=np.uint16), SRGB, camera_exif())
    place = 8
    while place < len(data):
        (length,) = struct.unpack(">I", data[place : place + 4])
        body = data[place + 4 : place + 8 + length]
        assert struct.unpack(">I", data[place + 8 + length : place + 12 + length]) == (zlib.crc32(body),)
        place += 12 + length
