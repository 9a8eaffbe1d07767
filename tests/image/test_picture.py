"""Pictures keep depth, grey, alpha, profile and EXIF; nothing is lost silently, no file is left half written."""

from __future__ import annotations

import io
import os
import struct
import tempfile
import zlib
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import OpenImageIO as oiio  # noqa: N813
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from ink_profile import cmyk_profile
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps
from scale_cases import strips_by

from amsr_deploy import image
from amsr_deploy.errors import ImageError
from amsr_deploy.image import Metadata, Picture, StripWriter, alpha
from amsr_deploy.image.decoders import decode_deep
from amsr_deploy.image.formats import WRITABLE
from amsr_deploy.image.source import open_source

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
GREY_PROFILE = SRGB[:16] + b"GRAY" + SRGB[20:]
LOSSY = [".jpg", ".webp"]
KEEPING_METADATA = [".png", ".tif", ".jpg", ".webp"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For tests of hypothesis, whose examples share one."""
    return tmp_path_factory.mktemp("pictures")


def enlarge(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Stands in for a network: x4 by repeated pixels, with the overshoot and small errors that a network has."""
    wide = pixels.repeat(4, axis=0).repeat(4, axis=1)
    return wide * np.float32(1.01) - np.float32(0.003)


def arrays(channels: int, dtype: type = np.uint8) -> st.SearchStrategy[NDArray]:
    sides = st.integers(1, 9)
    return st.tuples(sides, sides).flatmap(lambda side: hnp.arrays(dtype, (*side, channels)))


def from_samples(samples: NDArray) -> Picture:
    channels = samples.shape[2]
    scaled = samples.astype(np.float32) / np.iinfo(samples.dtype).max
    return Picture(
        rgb=scaled[..., :3] if channels >= 3 else scaled[..., :1].repeat(3, axis=2),
        alpha=scaled[..., -1] if channels in (2, 4) else None,
        grey=channels <= 2,
        bits=16 if samples.dtype == np.uint16 else 8,
    )


def described(picture: Picture, **metadata: object) -> Picture:
    return replace(picture, metadata=Metadata(**metadata))


def file_bytes(suffix: str, samples: NDArray, icc_profile: bytes | None = None, exif: bytes | None = None) -> bytes:
    """A PNG or TIFF of samples with its metadata as it is given."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"a{suffix}")
        metadata = Metadata(icc_profile=icc_profile, exif=exif)
        with StripWriter(path, samples.shape[:2], samples.shape[2], samples.itemsize * 8, metadata) as writer:
            writer.write(samples)
        return path.read_bytes()


def assert_same(actual: Picture, expected: Picture) -> None:
    np.testing.assert_array_equal(actual.rgb, expected.rgb)
    assert (actual.alpha is None) == (expected.alpha is None)
    if expected.alpha is not None:
        np.testing.assert_array_equal(actual.alpha, expected.alpha)
    assert (actual.grey, actual.bits) == (expected.grey, expected.bits)


def photo(height: int = 6, width: int = 9, channels: int = 3, dtype: type = np.uint8) -> NDArray:
    return np.random.default_rng(0).integers(0, np.iinfo(dtype).max + 1, (height, width, channels), dtype=dtype)


# ------------------------------------------------------------------------------------------------------ round trips


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@given(data=st.data())
def test_png_and_tiff_keep_every_sample(
    folder: Path, data: st.DataObject, channels: int, dtype: type, suffix: str
) -> None:
    picture = from_samples(data.draw(arrays(channels, dtype)))
    image.write(folder / f"a{suffix}", picture)
    assert_same(image.read(folder / f"a{suffix}"), picture)


@pytest.mark.parametrize("channels", [1, 3])
@given(data=st.data())
def test_bmp_keeps_every_sample(folder: Path, data: st.DataObject, channels: int) -> None:
    picture = from_samples(data.draw(arrays(channels)))
    image.write(folder / "a.bmp", picture)
    assert_same(image.read(folder / "a.bmp"), picture)


@pytest.mark.parametrize("suffix", LOSSY)
@pytest.mark.parametrize("channels", [1, 3])
def test_lossy_formats_stay_close(tmp_path: Path, suffix: str, channels: int) -> None:
    ramp = np.linspace(0, 1, 40, dtype=np.float32)
    rgb = np.stack([np.tile(ramp, (30, 1)), np.full((30, 40), 0.5, np.float32), np.tile(1 - ramp, (30, 1))], axis=2)
    grey = channels == 1
    image.write(tmp_path / f"a{suffix}", Picture(rgb[..., :1].repeat(3, axis=2) if grey else rgb, grey=grey))
    back = image.read(tmp_path / f"a{suffix}")
    assert np.abs(back.rgb - (rgb[..., :1] if grey else rgb)).max() < 0.04
    if grey:
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


# ---------------------------------------------------------------------------------------------- what others wrote


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


# --------------------------------------------------------------------------------------------------------- metadata


@pytest.mark.parametrize("suffix", KEEPING_METADATA)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied_once(tmp_path: Path, suffix: str, orientation: int) -> None:
    source = Image.fromarray(np.kron(photo(3, 4), np.ones((8, 8, 1), np.uint8)))
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if suffix == ".webp" else {}
    source.save(tmp_path / f"a{suffix}", exif=exif, **options)
    with Image.open(tmp_path / f"a{suffix}") as stored:
        expected = np.asarray(ImageOps.exif_transpose(stored)) / np.float32(255)
    picture = image.read(tmp_path / f"a{suffix}")
    np.testing.assert_array_equal(picture.rgb, expected)
    image.write(tmp_path / "b.png", picture)
    again = image.read(tmp_path / "b.png")
    np.testing.assert_array_equal(again.rgb, expected)
    assert exif_of(again)[0x0112] == 1


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied_to_16_bit_files(tmp_path: Path, suffix: str, orientation: int) -> None:
    samples = photo(5, 7, 1, np.uint16)
    exif = Image.Exif()
    exif[0x0112] = orientation
    turned = Image.fromarray(samples[..., 0])
    turned.getexif()[0x0112] = orientation
    expected = np.asarray(ImageOps.exif_transpose(turned))
    (tmp_path / f"a{suffix}").write_bytes(file_bytes(suffix, samples, None, exif.tobytes()))
    np.testing.assert_array_equal(image.read(tmp_path / f"a{suffix}").rgb[..., 0], expected / np.float32(65535))


def camera_exif() -> bytes:
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    exif[0x0112] = 6
    exif[0x011A] = 72.0
    exif[0x8769] = {0xA002: 9, 0xA003: 6, 0x829A: 0.004, 0x9003: "2024:05:06 07:08:09", 0xA005: {1: "R98"}}
    exif[0x8825] = {1: "N", 2: (52.0, 30.0, 15.5)}
    return exif.tobytes()


def exif_of(picture: Picture) -> Image.Exif:
    exif = Image.Exif()
    exif.load(picture.metadata.exif or b"")
    return exif


@pytest.mark.parametrize(
    ("source", "target", "bits"),
    [
        *((source, target, 8) for source in KEEPING_METADATA for target in KEEPING_METADATA),
        *((source, target, 16) for source in (".png", ".tif") for target in (".png", ".tif")),
    ],
)
def test_exif_survives_from_every_format_to_every_format(tmp_path: Path, source: str, target: str, bits: int) -> None:
    picture = from_samples(photo(dtype=np.uint16 if bits == 16 else np.uint8))
    image.write(tmp_path / f"a{source}", described(picture, exif=camera_exif()))
    first = image.read(tmp_path / f"a{source}")
    image.write(tmp_path / f"b{target}", strips_by(enlarge, first).whole())
    with Image.open(tmp_path / f"b{target}") as stored:
        exif = stored.getexif()
        assert (exif[0x010F], exif[0x0112], float(exif[0x011A])) == ("Maker", 1, 4 * 72.0)
        details = exif.get_ifd(0x8769)
        height, width = first.size
        assert (details[0xA002], details[0xA003]) == (4 * width, 4 * height)
        assert float(details[0x829A]) == pytest.approx(0.004)
        assert details[0x9003] == "2024:05:06 07:08:09"
        assert exif.get_ifd(0xA005)[1] == "R98"
        assert [float(x) for x in exif.get_ifd(0x8825)[2]] == [52.0, 30.0, 15.5]


def test_storage_tags_of_a_tiff_do_not_reach_a_jpeg(tmp_path: Path) -> None:
    Image.fromarray(photo()).save(tmp_path / "a.tif", description="a flower", compression="tiff_lzw")
    picture = image.read(tmp_path / "a.tif")
    assert dict(exif_of(picture)) == {0x010E: "a flower"}


@pytest.mark.parametrize("suffix", list(WRITABLE))
def test_a_picture_without_exif_gets_none(tmp_path: Path, suffix: str) -> None:
    image.write(tmp_path / f"a{suffix}", from_samples(photo()))
    assert image.read(tmp_path / f"a{suffix}").metadata.exif is None


def test_damaged_exif_costs_only_itself(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    Image.fromarray(photo()).save(tmp_path / "a.png", exif=b"Exif\0\0no directory")
    picture = image.read(tmp_path / "a.png")
    assert picture.metadata.exif is None
    assert "EXIF data is damaged" in caplog.text
    assert picture.size == (6, 9)


def test_partly_damaged_exif_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    Image.fromarray(photo()).save(tmp_path / "a.webp", exif=camera_exif()[:80])
    image.read(tmp_path / "a.webp")
    assert f"{tmp_path / 'a.webp'}: " in caplog.text


@pytest.mark.parametrize("suffix", KEEPING_METADATA)
@pytest.mark.parametrize("bits", [8, 16])
def test_icc_profile_is_kept_byte_for_byte(tmp_path: Path, suffix: str, bits: int) -> None:
    picture = described(from_samples(photo(dtype=np.uint16 if bits == 16 else np.uint8)), icc_profile=SRGB)
    image.write(tmp_path / f"a{suffix}", strips_by(enlarge, picture).whole())
    assert image.read(tmp_path / f"a{suffix}").metadata.icc_profile == SRGB


@pytest.mark.parametrize("suffix", [".png", ".tif", ".jpg"])
@pytest.mark.parametrize("bits", [8, 16])
def test_grey_profile_stays_with_grey(tmp_path: Path, suffix: str, bits: int) -> None:
    picture = from_samples(photo(channels=1, dtype=np.uint16 if bits == 16 else np.uint8))
    image.write(tmp_path / f"a{suffix}", described(picture, icc_profile=GREY_PROFILE))
    assert image.read(tmp_path / f"a{suffix}").metadata.icc_profile == GREY_PROFILE


@pytest.mark.parametrize(("channels", "profile"), [(3, GREY_PROFILE), (1, SRGB)])
def test_a_profile_that_does_not_fit_is_dropped_aloud(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, channels: int, profile: bytes
) -> None:
    picture = described(from_samples(photo(channels=channels)), icc_profile=profile)
    image.check_output(tmp_path / "a.png", picture)
    image.write(tmp_path / "a.png", picture)
    assert image.read(tmp_path / "a.png").metadata.icc_profile is None
    assert caplog.text.count("does not fit") == 1


@pytest.mark.parametrize(
    ("suffix", "bits", "profile", "words"),
    [(".jpg", 16, None, "rounds 16 bits to 8"), (".bmp", 8, SRGB, "drops the colour profile")],
)
def test_what_a_format_cannot_hold_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, suffix: str, bits: int, profile: bytes | None, words: str
) -> None:
    picture = from_samples(photo(dtype=np.uint16 if bits == 16 else np.uint8))
    picture = described(picture, icc_profile=profile)
    image.check_output(tmp_path / f"a{suffix}", picture)
    image.write(tmp_path / f"a{suffix}", picture)
    assert caplog.text.count(words) == 1
    assert image.read(tmp_path / f"a{suffix}").bits == 8


# -------------------------------------------------------------------------------------------------------- upscaling


@given(samples=arrays(1))
def test_grey_stays_neutral(samples: NDArray) -> None:
    def tint(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        return enlarge(pixels) * np.array([1, 0.9, 0.8], dtype=np.float32)

    picture = strips_by(tint, from_samples(samples)).whole()
    assert picture.grey
    np.testing.assert_array_equal(picture.rgb[..., 0], picture.rgb[..., 1])
    np.testing.assert_array_equal(picture.rgb[..., 0], picture.rgb[..., 2])


@given(samples=arrays(4, np.uint16))
def test_upscaled_pictures_are_finite_and_in_range(samples: NDArray) -> None:
    picture = strips_by(enlarge, from_samples(samples)).whole()
    assert picture.alpha is not None
    assert picture.size == (4 * samples.shape[0], 4 * samples.shape[1]) == picture.alpha.shape
    for pixels in (picture.rgb, picture.alpha):
        assert pixels.min() >= 0
        assert pixels.max() <= 1


@pytest.mark.parametrize("value", [0, 1])
def test_uniform_alpha_stays_exact(value: int) -> None:
    picture = Picture(np.ones((5, 3, 3), np.float32) / 2, alpha=np.full((5, 3), value, np.float32))
    upscaled = strips_by(enlarge, picture).whole()
    np.testing.assert_array_equal(upscaled.alpha, np.full((20, 12), value))


def test_opaque_and_transparent_regions_stay_exact() -> None:
    alpha = np.repeat(np.array([[1, 1, 1, 0.5, 0, 0, 0]], np.float32), 4, axis=0)
    upscaled = strips_by(enlarge, Picture(np.ones((4, 7, 3), np.float32), alpha=alpha)).whole()
    assert upscaled.alpha is not None
    assert (upscaled.alpha[:, :8] == 1).all()
    assert (upscaled.alpha[:, 20:] == 0).all()
    assert ((upscaled.alpha[:, 12:16] > 0) & (upscaled.alpha[:, 12:16] < 1)).all()


def test_colour_under_transparency_leaves_no_fringe() -> None:
    """A white disc over hidden black, upscaled by a filter that mixes neighbours: white wherever it can be seen."""

    def blur(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        size = (4 * pixels.shape[1], 4 * pixels.shape[0])
        planes = [Image.fromarray(pixels[..., c]).resize(size, Image.Resampling.BICUBIC) for c in range(3)]
        return np.stack([np.array(plane) for plane in planes], axis=2)

    y, x = np.mgrid[:24, :24]
    alpha = np.clip(8.5 - np.hypot(y - 12, x - 12), 0, 1).astype(np.float32)
    rgb = np.where(alpha[..., None] > 0, 1, 0).repeat(3, axis=2).astype(np.float32)
    upscaled = strips_by(blur, Picture(rgb, alpha=alpha)).whole()
    assert upscaled.alpha is not None
    assert upscaled.rgb[upscaled.alpha > 0].min() > 0.999


@given(samples=arrays(4))
def test_fill_changes_hidden_pixels_only_and_stays_among_the_visible_colours(samples: NDArray) -> None:
    picture = from_samples(samples)
    assert picture.alpha is not None
    visible = picture.alpha > 0
    filled = alpha.fill(picture.rgb, picture.alpha)
    np.testing.assert_array_equal(filled[visible], picture.rgb[visible])
    assert np.isfinite(filled).all()
    if visible.any():
        assert (filled >= picture.rgb[visible].min(axis=0) - 1e-5).all()
        assert (filled <= picture.rgb[visible].max(axis=0) + 1e-5).all()


# ----------------------------------------------------------------------------------------------------------- errors


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
def test_a_damaged_byte_never_ends_in_a_traceback(folder: Path, place: int, value: int, kind: str) -> None:
    content = bytearray(
        {
            "jpg": jpeg_bytes,
            "png": lambda: file_bytes(".png", photo(), SRGB, camera_exif()),
            "deep": lambda: file_bytes(".png", photo(dtype=np.uint16), SRGB, camera_exif()),
            "tif": lambda: file_bytes(".tif", photo(dtype=np.uint16), SRGB, camera_exif()),
        }[kind]()
    )
    content[place % len(content)] = value
    (folder / "damaged").write_bytes(content)
    with suppress(ImageError):
        assert image.read(folder / "damaged").rgb.ndim == 3


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


# -------------------------------------------------------------------------------------------------------- atomicity


@pytest.mark.parametrize("suffix", list(WRITABLE))
def test_a_full_disk_leaves_the_old_file(tmp_path: Path, suffix: str) -> None:
    resource = pytest.importorskip("resource")
    path = tmp_path / f"a{suffix}"
    path.write_bytes(b"precious")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(ImageError, match="cannot be written"):
            image.write(path, from_samples(photo(64, 64)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == b"precious"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_permissions_follow_the_umask(tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        image.write(tmp_path / "a.png", from_samples(photo()))
    finally:
        os.umask(old)
    assert (tmp_path / "a.png").stat().st_mode & 0o777 == 0o640


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real.png").write_bytes(b"old")
    (tmp_path / "link.png").symlink_to("real.png")
    image.write(tmp_path / "link.png", from_samples(photo()))
    assert (tmp_path / "link.png").is_symlink()
    assert image.read(tmp_path / "real.png").size == (6, 9)


# ------------------------------------------------------------------------------------------------------------ masks


@given(mask=hnp.arrays(np.bool_, st.tuples(st.integers(1, 9), st.integers(1, 9))))
def test_masks_round_trip(folder: Path, mask: NDArray[np.bool_]) -> None:
    image.write_mask(folder / "mask.png", mask)
    np.testing.assert_array_equal(image.read_mask(folder / "mask.png", mask.shape), mask)


MASK = np.array([[True, False, True], [False, False, True]])


@pytest.mark.parametrize("mode", ["1", "L", "I;16", "RGB", "P", "LA", "RGBA"])
def test_masks_of_every_mode(tmp_path: Path, mode: str) -> None:
    if mode == "I;16":
        drawn = Image.fromarray(np.where(MASK, 65535, 20000).astype(np.uint16))
    else:
        drawn = Image.fromarray(np.where(MASK, 255, 60).astype(np.uint8)).convert(mode)
    drawn.save(tmp_path / "mask.png")
    np.testing.assert_array_equal(image.read_mask(tmp_path / "mask.png", (2, 3)), MASK)


@pytest.mark.parametrize("colour", [0, 128, 255])
def test_masks_drawn_in_alpha(tmp_path: Path, colour: int) -> None:
    samples = np.full((2, 3, 4), colour, dtype=np.uint8)
    samples[..., 3] = np.where(MASK, 255, 0)
    Image.fromarray(samples).save(tmp_path / "mask.png")
    np.testing.assert_array_equal(image.read_mask(tmp_path / "mask.png", (2, 3)), MASK)


def test_transparent_white_is_no_mask(tmp_path: Path) -> None:
    samples = np.array([[[255, 255, 255, 255], [255, 255, 255, 0], [0, 0, 0, 255]]], dtype=np.uint8)
    Image.fromarray(samples).save(tmp_path / "mask.png")
    np.testing.assert_array_equal(image.read_mask(tmp_path / "mask.png", (1, 3)), [[True, False, False]])


def test_mask_of_another_size(tmp_path: Path) -> None:
    image.write_mask(tmp_path / "mask.png", MASK)
    with pytest.raises(ImageError, match=r"3 x 2 pixels, the picture 5 x 4"):
        image.read_mask(tmp_path / "mask.png", (4, 5))


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_overlay_tints_the_mask_and_nothing_else(channels: int) -> None:
    picture = from_samples(photo(2, 3, channels))
    shown = image.overlay(picture, MASK)
    assert not shown.grey
    np.testing.assert_array_equal(shown.rgb[~MASK], picture.rgb[~MASK])
    red, green, _ = np.moveaxis(shown.rgb[MASK], -1, 0)
    assert (red >= 0.5).all()
    assert (green <= 0.5).all()


def test_png_chunks_have_the_right_checksums() -> None:
    data = file_bytes(".png", photo(dtype=np.uint16), SRGB, camera_exif())
    place = 8
    while place < len(data):
        (length,) = struct.unpack(">I", data[place : place + 4])
        body = data[place + 4 : place + 8 + length]
        assert struct.unpack(">I", data[place + 8 + length : place + 12 + length]) == (zlib.crc32(body),)
        place += 12 + length
