"""EXIF, orientation and colour profile go through every format that holds them, and what is lost is said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from picture_cases import GREY_PROFILE, SRGB, camera_exif, described, enlarge, exif_of, file_bytes, from_samples, photo
from PIL import Image, ImageOps
from scale_cases import strips_by

from amsr_deploy import image
from amsr_deploy.image.formats import WRITABLE

KEEPING_METADATA = [".png", ".tif", ".jpg", ".webp"]


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


def test_what_a_tiff_holds_beside_exif_does_not_become_a_part_of_it(tmp_path: Path) -> None:
    """How its pixels are stored, the profile, XMP, IPTC and Photoshop's resources."""
    others = {700: b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>", 33723: b"\x1c\x02\x78\0\0", 34377: b"8BIM"}
    source = Image.fromarray(photo())
    source.save(tmp_path / "a.tif", tiffinfo={0x010E: "a flower", **others}, compression="tiff_lzw", icc_profile=SRGB)
    with Image.open(tmp_path / "a.tif") as stored:
        assert {*others, 34675} <= set(stored.tag_v2)
    assert dict(exif_of(image.read(tmp_path / "a.tif"))) == {0x010E: "a flower"}


def test_a_resolution_stays_a_number_that_exif_can_hold(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x011A] = 4e9
    Image.fromarray(photo()).save(tmp_path / "a.png", exif=exif)
    image.write(tmp_path / "b.png", strips_by(enlarge, image.read(tmp_path / "a.png")).whole())
    assert float(exif_of(image.read(tmp_path / "b.png"))[0x011A]) == 2**32 - 1


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
    assert caplog.text.count(f"a colour profile for {'RGB' if channels == 1 else 'GRAY'} does not fit") == 1


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
