"""PNG files of other software: what describes colour survives, and damage where it does not matter costs nothing."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from picture_cases import SRGB, chunk, enlarge
from PIL import Image
from scale_cases import strips_by

from amsr_deploy import image
from amsr_deploy.errors import ImageError
from amsr_deploy.image import Picture

SIGNATURE = b"\x89PNG\r\n\x1a\n"
SRGB_CHRM = struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
WIDE_CHRM = struct.pack(">8I", 31270, 32900, 64000, 33000, 21000, 71000, 15000, 6000)
PQ, HLG, SRGB_CODE = bytes([9, 16, 0, 1]), bytes([9, 18, 0, 1]), bytes([1, 13, 0, 1])
Chunk = tuple[bytes, bytes]


def png(*before: bytes, depth: int = 8, after: Sequence[bytes] = (), end: bytes | None = None) -> bytes:
    """A picture of 4 x 3 pixels with other chunks before or after its pixels."""
    samples = np.arange(3 * 4 * 3 * depth // 8, dtype=np.uint8).reshape(3, -1)
    rows = np.pad(samples, ((0, 0), (1, 0)))
    header = chunk(b"IHDR", struct.pack(">2I5B", 4, 3, depth, 2, 0, 0, 0))
    data = chunk(b"IDAT", zlib.compress(rows.tobytes()))
    return b"".join([SIGNATURE, header, *before, data, *after, chunk(b"IEND", b"") if end is None else end])


def read(tmp_path: Path, data: bytes) -> Picture:
    (tmp_path / "a.png").write_bytes(data)
    picture = image.read(tmp_path / "a.png")
    assert picture.size == (3, 4)
    np.testing.assert_array_equal(
        picture.rgb.ravel() * np.float32(255 if picture.bits == 8 else 65535),
        np.arange(36) if picture.bits == 8 else np.arange(72, dtype=np.uint8).view(">u2"),
    )
    return picture


def chunks(path: Path) -> dict[bytes, bytes]:
    data, place, found = path.read_bytes(), 8, {}
    while place < len(data):
        (length,) = struct.unpack_from(">I", data, place)
        found.setdefault(data[place + 4 : place + 8], data[place + 8 : place + 8 + length])
        place += 12 + length
    return found


# ---------------------------------------------------------------------------------------------------------- colour

COLOURS = [
    [(b"gAMA", struct.pack(">I", 100_000))],
    [(b"gAMA", struct.pack(">I", 45455)), (b"cHRM", WIDE_CHRM)],
    [(b"sRGB", b"\0"), (b"gAMA", struct.pack(">I", 45455)), (b"cHRM", SRGB_CHRM)],
    [(b"cICP", PQ), (b"mDCV", bytes(range(24))), (b"cLLI", bytes(range(8)))],
    [(b"cICP", PQ), (b"mDCv", bytes(range(24))), (b"cLLi", bytes(range(8)))],
    [(b"cICP", HLG)],
]


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("colours", COLOURS)
def test_what_describes_colour_stays_in_png(tmp_path: Path, colours: list[Chunk], depth: int) -> None:
    picture = read(tmp_path, png(*(chunk(*each) for each in colours), depth=depth))
    image.write(tmp_path / "b.png", strips_by(enlarge, picture).whole())
    written = chunks(tmp_path / "b.png")
    assert {kind: written.get(kind) for kind, _ in colours} == dict(colours)
    order = list(written)
    assert max(order.index(kind) for kind, _ in colours) < order.index(b"IDAT")


@pytest.mark.parametrize("kind", [b"gAMA", b"cICP"])
def test_the_first_of_two_equal_chunks_counts(tmp_path: Path, kind: bytes) -> None:
    first, second = PQ, HLG
    picture = read(tmp_path, png(chunk(kind, first), chunk(kind, second)))
    assert picture.metadata.colour == ((kind, first),)


@pytest.mark.parametrize("kind", [b"mDCV", b"cLLI"])
def test_what_is_told_of_the_display_stays_or_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, kind: bytes
) -> None:
    picture = read(tmp_path, png(chunk(kind, bytes(24))))
    image.check_output(tmp_path / "b.png", picture)
    assert not caplog.text
    image.check_output(tmp_path / "b.jpg", picture)
    assert "mDCV, cLLI" in caplog.text


@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".tif", ".avif", ".bmp", ".jxl"])
@pytest.mark.parametrize(
    ("colours", "words"),
    [
        ([(b"gAMA", struct.pack(">I", 100_000))], "gamma 1"),
        ([(b"cHRM", WIDE_CHRM)], "primaries"),
        ([(b"cICP", PQ)], "PQ"),
        ([(b"cICP", HLG)], "HLG"),
        ([(b"cICP", bytes([1, 8, 0, 1]))], "linear light"),
        ([(b"cICP", SRGB_CODE)], None),
        ([(b"cICP", bytes([1, 13, 0, 0]))], "narrow range"),
        ([(b"cICP", PQ), (b"iCCP", b"p\0\0" + zlib.compress(SRGB))], "PQ"),
        ([(b"gAMA", struct.pack(">I", 100_000)), (b"iCCP", b"p\0\0" + zlib.compress(SRGB))], None),
        ([(b"gAMA", struct.pack(">I", 100_000)), (b"sRGB", b"\0")], None),
        ([(b"gAMA", struct.pack(">I", 45455)), (b"cHRM", SRGB_CHRM)], None),
        ([], None),
    ],
)
def test_what_another_format_cannot_tell_of_colour_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, colours: list[Chunk], words: str | None, suffix: str
) -> None:
    picture = read(tmp_path, png(*(chunk(*each) for each in colours)))
    image.check_output(tmp_path / f"b{suffix}", picture)
    if words is None:
        assert "will look wrong" not in caplog.text
    else:
        assert words in caplog.text
        assert "will look wrong" in caplog.text


@pytest.mark.parametrize(
    "body", [b"", b"name", b"p\0\0nothing", b"p\0\0" + zlib.compress(b"short"), b"p\0\0" + zlib.compress(bytes(200))]
)
def test_a_damaged_profile_is_dropped_aloud(tmp_path: Path, caplog: pytest.LogCaptureFixture, body: bytes) -> None:
    picture = read(tmp_path, png(chunk(b"iCCP", body)))
    assert picture.metadata.icc_profile is None
    assert "profile is damaged" in caplog.text


# ---------------------------------------------------------------------------------------------- size and damage


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize(
    "large",
    [
        chunk(b"tEXt", b"workflow\0" + b"x" * 3_000_000),
        chunk(b"zTXt", b"workflow\0\0" + zlib.compress(b"x" * 90_000_000)),
        chunk(b"iTXt", b"workflow\0\1\0\0\0" + zlib.compress(b"x" * 90_000_000)),
        chunk(b"caBX", b"x" * 3_000_000),
    ],
)
def test_large_chunks_that_matter_to_others_only(tmp_path: Path, large: bytes, depth: int) -> None:
    assert read(tmp_path, png(large, after=[large], depth=depth)).bits == depth


def test_a_large_profile(tmp_path: Path) -> None:
    profile = bytearray(SRGB + bytes(5_000_000))
    profile[:4] = struct.pack(">I", len(profile))
    picture = read(tmp_path, png(chunk(b"iCCP", b"p\0\0" + zlib.compress(bytes(profile)))))
    assert picture.metadata.icc_profile == bytes(profile)


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("kind", [b"tEXt", b"gAMA", b"iCCP", b"eXIf", b"pHYs", b"tIME", b"teSt"])
def test_a_wrong_checksum_of_what_can_be_skipped_costs_only_that(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, kind: bytes, depth: int
) -> None:
    wrong = chunk(kind, struct.pack(">IIB", 100_000, 100_000, 1)[: 4 if kind == b"gAMA" else 9], damaged=True)
    picture = read(tmp_path, png(wrong, depth=depth))
    assert picture.metadata == image.Metadata()
    assert f"its chunk {kind.decode()} has a wrong checksum" in caplog.text
    read(tmp_path, png(after=[wrong], depth=depth))


def test_a_wrong_checksum_of_the_pixels_is_damage(tmp_path: Path) -> None:
    data = bytearray(png())
    data[data.index(b"IDAT") + 10] ^= 1
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(ImageError, match="wrong checksum of IDAT"):
        image.read(tmp_path / "a.png")


def test_a_chunk_with_a_broken_name_is_damage_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png().replace(b"IDAT", b"I\nA\x1b"))
    with pytest.raises(ImageError, match="wrong checksum of a chunk without a name"):
        image.read(tmp_path / "a.png")


def test_the_form_of_png_that_apple_made_is_named(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="CgBI"):
        read(tmp_path, png(chunk(b"CgBI", bytes(4))))


@pytest.mark.parametrize("end", [b"", b"\0\0", chunk(b"tEXt", b"cut off")[:10], chunk(b"IEND", b"")[:-1]])
def test_a_missing_end_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture, end: bytes) -> None:
    read(tmp_path, png(end=end))
    assert "lacks its end" in caplog.text


@pytest.mark.parametrize("depth", [8, 16])
def test_pixels_that_are_missing_are_only_an_error(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, depth: int
) -> None:
    (tmp_path / "a.png").write_bytes(png(depth=depth, end=b"")[:-20])
    with pytest.raises(ImageError, match="damaged"):
        image.read(tmp_path / "a.png")
    assert not caplog.text


def test_what_follows_the_end_does_not_matter(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    read(tmp_path, png() + b"anything at all")
    assert not caplog.text


# ------------------------------------------------------------------------------------------------------------ EXIF


def exif_chunk(form: str, maker: str) -> bytes:
    exif = Image.Exif()
    exif[0x010F] = maker
    data = exif.tobytes().removeprefix(b"Exif\0\0")
    text = b"\nexif\n%8d\n" % (len(data) + 6) + (b"Exif\0\0" + data).hex().encode()
    body = {
        "eXIf": data,
        "tEXt": b"Raw profile type exif\0" + text,
        "zTXt": b"Raw profile type exif\0\0" + zlib.compress(text),
    }[form]
    return chunk(form.encode(), body)


@pytest.mark.parametrize("where", ["before", "after"])
@pytest.mark.parametrize("form", ["eXIf", "tEXt", "zTXt"])
def test_the_first_exif_of_every_form(tmp_path: Path, form: str, where: str) -> None:
    made = [exif_chunk(form, maker) for maker in ("Maker", "Later")]
    picture = read(tmp_path, png(*made) if where == "before" else png(after=made))
    exif = Image.Exif()
    exif.load(picture.metadata.exif or b"")
    assert exif[0x010F] == "Maker"
