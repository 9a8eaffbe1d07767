"""Formats of the web, of phones and of cameras: what is read, what is written, and which are only read."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
import pytest
from picture_cases import SRGB, camera_exif, exif_of, smooth
from PIL import Image, ImageCms

from amsr_deploy import image
from amsr_deploy.cli import main
from amsr_deploy.errors import AmsrError, ImageError
from amsr_deploy.image import Metadata, Picture
from amsr_deploy.image.formats import WRITABLE


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("suffix", [".avif", ".jxl", ".webp"])
def test_formats_of_the_web(tmp_path: Path, suffix: str, channels: int) -> None:
    picture = smooth(channels)
    image.write(tmp_path / f"a{suffix}", picture)
    again = image.read(tmp_path / f"a{suffix}")
    visible = picture.alpha > 0.1 if picture.alpha is not None else ...
    np.testing.assert_allclose(again.rgb[visible], picture.rgb[visible], atol=0.08)
    assert np.abs(again.rgb[visible] - picture.rgb[visible]).mean() < 0.01
    assert (again.alpha is None) == (picture.alpha is None)
    if picture.alpha is not None:
        np.testing.assert_allclose(again.alpha, picture.alpha, atol=0.05)


@pytest.mark.parametrize("suffix", [".avif", ".jxl"])
def test_profile_and_exif_of_the_web(tmp_path: Path, suffix: str) -> None:
    metadata = Metadata(icc_profile=SRGB, exif=camera_exif())
    image.write(tmp_path / f"a{suffix}", Picture(smooth().rgb, metadata=metadata))
    again = image.read(tmp_path / f"a{suffix}")
    assert again.metadata.icc_profile
    assert ImageCms.getProfileName(io.BytesIO(again.metadata.icc_profile))
    assert exif_of(again)[0x010F] == "Maker"


def test_the_first_frame_of_a_gif(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    frames = [Image.new("RGB", (4, 3), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "one.gif")
    frames[0].save(tmp_path / "two.gif", save_all=True, append_images=frames[1:])
    assert (image.read(tmp_path / "one.gif").rgb == [1, 0, 0]).all()
    assert not caplog.text
    assert (image.read(tmp_path / "two.gif").rgb == [1, 0, 0]).all()
    assert "of its 2 frames only the first" in caplog.text


def test_a_transparent_gif(tmp_path: Path) -> None:
    picture = Image.fromarray(np.array([[0, 1]], np.uint8), "P")
    picture.putpalette([10, 20, 30, 40, 50, 60])
    picture.save(tmp_path / "a.gif", transparency=1)
    alpha = image.read(tmp_path / "a.gif").alpha
    np.testing.assert_array_equal(alpha, [[1, 0]])


@pytest.mark.parametrize(
    ("suffix", "advice"), [("avif", "give it to `amsr video`"), ("png", "give"), ("webp", "split")]
)
def test_an_animation_is_refused(tmp_path: Path, suffix: str, advice: str) -> None:
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / f"a.{suffix}", save_all=True, append_images=frames[1:])
    with pytest.raises(ImageError, match=rf"2 pictures \(an animation\); {advice}"):
        image.read(tmp_path / f"a.{suffix}")


def test_hdr_avif_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    smooth_picture = Image.fromarray(np.rint(smooth().rgb * 255).astype(np.uint8))
    smooth_picture.save(tmp_path / "a.avif")
    data = bytearray((tmp_path / "a.avif").read_bytes())
    place = data.index(b"colrnclx") + 8
    data[place : place + 4] = bytes([0, 9, 0, 16])  # BT.2020, PQ
    (tmp_path / "a.avif").write_bytes(data)
    picture = image.read(tmp_path / "a.avif")
    image.check_output(tmp_path / "b.jpg", picture)
    assert "PQ (HDR)" in caplog.text
    image.write(tmp_path / "b.png", picture)
    assert b"cICP" + bytes([9, 16, 0, 1]) in (tmp_path / "b.png").read_bytes()


def test_heic_is_read_with_its_extra(tmp_path: Path) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    pillow_heif.register_heif_opener()
    picture = smooth()
    Image.fromarray(np.rint(picture.rgb * 255).astype(np.uint8)).save(tmp_path / "a.heic", quality=95)
    np.testing.assert_allclose(image.read(tmp_path / "a.heic").rgb, picture.rgb, atol=0.05)


def test_a_heic_of_two_pictures_is_no_animation(tmp_path: Path) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    pillow_heif.register_heif_opener()
    first, second = (Image.new("RGB", (64, 64), colour) for colour in ("red", "blue"))
    first.save(tmp_path / "a.heic", save_all=True, append_images=[second])
    with pytest.raises(ImageError, match=r"a\.heic holds 2 pictures; split"):
        image.read(tmp_path / "a.heic")


def test_heic_without_its_extra_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(40))
    with pytest.raises(ImageError, match=r"a\.heic is HEIC, which needs pillow-heif; .*amsr-deploy\[heic\]"):
        image.read(tmp_path / "a.heic")


@pytest.mark.parametrize("suffix", [".gif", ".heic", ".hif", ".mpo"])
def test_formats_that_are_only_read(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(ImageError, match="is only read"):
        image.write(tmp_path / f"a{suffix}", smooth())
    assert suffix in image.READABLE
    assert suffix not in WRITABLE


def test_the_content_tells_the_format_not_the_name(tmp_path: Path) -> None:
    for suffix in WRITABLE:
        image.write(tmp_path / f"a{suffix}", smooth())
        (tmp_path / f"a{suffix}").rename(tmp_path / "named.txt")
        assert image.read(tmp_path / "named.txt").size == (30, 40)


@pytest.mark.parametrize("suffix", [".avif", ".jxl", ".webp", ".gif"])
def test_damaged_files_of_other_formats(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    if suffix == ".gif":
        Image.new("RGB", (40, 30), "red").save(path)
    else:
        image.write(path, smooth())
    data = path.read_bytes()
    for cut in (13, len(data) // 3, len(data) // 2):
        path.write_bytes(data[:cut])
        with pytest.raises(AmsrError) as error:
            image.read(path)
        assert "\n" not in str(error.value)
        assert str(path) in str(error.value)


@pytest.mark.parametrize("command", ["infer", "mask"])
def test_help_lists_the_formats(command: str) -> None:
    text = " ".join(main.commands[command].help.split()).partition("Formats: ")[2]
    both, read_only = text.partition(" are read and written; ")[::2]
    formats = set(image.FORMATS.values())
    assert {each.name for each in formats if each.writable} == set(both.replace(" and ", ", ").split(", "))
    assert all(each.name in read_only.partition(" are read.")[0] for each in formats if not each.writable)
