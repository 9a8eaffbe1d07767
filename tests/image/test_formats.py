"""The formats, how they are written, and where pictures come from."""

from __future__ import annotations

import io
import os
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from picture_cases import SRGB, camera_exif, exif_of
from PIL import Image, ImageCms

from amsr_deploy import image
from amsr_deploy.cli import main
from amsr_deploy.errors import AmsrError, ImageError, MissingDependencyError, UserError
from amsr_deploy.image import Metadata, Picture, WriteOptions, boxes
from amsr_deploy.image.formats import WRITABLE
from amsr_deploy.image.jxl_header import is_animation

LOSSY = [".jpg", ".webp", ".avif", ".jxl"]


def smooth(channels: int = 3, bits: int = 8) -> Picture:
    ramp = np.linspace(0, 1, 40, dtype=np.float32)
    planes = [np.tile(ramp, (30, 1)), np.full((30, 40), 0.5, np.float32), np.tile(1 - ramp, (30, 1))]
    rgb = np.stack(planes if channels >= 3 else planes[:1] * 3, axis=2)
    alpha = planes[2] if channels in (2, 4) else None
    peak = 2**bits - 1
    return Picture(np.rint(rgb * peak) / np.float32(peak), alpha, grey=channels < 3, bits=16 if bits == 16 else 8)


def noise(dtype: type = np.uint8) -> Picture:
    samples = np.random.default_rng(0).integers(0, np.iinfo(dtype).max + 1, (30, 40, 3), dtype=dtype)
    return Picture(samples / np.float32(np.iinfo(dtype).max), bits=8 if dtype == np.uint8 else 16)


# ----------------------------------------------------------------------------------------------------------- formats


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


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_jpeg_xl_keeps_16_bits(tmp_path: Path, dtype: type) -> None:
    picture = noise(dtype)
    image.write(tmp_path / "a.jxl", picture, WriteOptions(lossless=True))
    again = image.read(tmp_path / "a.jxl")
    np.testing.assert_array_equal(again.rgb, picture.rgb)
    assert again.bits == picture.bits


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


def test_an_animated_avif_is_refused(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "a.avif", save_all=True, append_images=frames[1:])
    with pytest.raises(ImageError, match=r"2 pictures \(an animation\)"):
        image.read(tmp_path / "a.avif")


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
    with pytest.raises(MissingDependencyError, match=r"amsr-deploy\[heic\]"):
        image.read(tmp_path / "a.heic")


@pytest.mark.parametrize("suffix", [".gif", ".heic"])
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


# ----------------------------------------------------------------------------------------------------------- options


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
        image.check_output(tmp_path / f"a{suffix}", smooth(), options=WriteOptions(**options))


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


# ------------------------------------------------------------------------------------------------------------ source


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

    monkeypatch.setattr(Image.Image, "convert", fail)
    with pytest.raises(ImageError, match=r"damaged or cut off \(first\)"):
        image.read(tmp_path / "a.webp")


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


@pytest.mark.parametrize("command", ["infer", "mask"])
def test_help_lists_the_formats(command: str) -> None:
    text = " ".join(main.commands[command].help.split()).partition("Formats: ")[2]
    both, read_only = text.partition(" are read and written; ")[::2]
    formats = set(image.FORMATS.values())
    assert {each.name for each in formats if each.writable} == set(both.replace(" and ", ", ").split(", "))
    assert all(each.name in read_only.partition(" are read.")[0] for each in formats if not each.writable)
