"""XMP, IPTC and texts: what stays true is kept wherever a format can hold it, and the rest is said."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from picture_cases import chunk
from PIL import Image
from tiff_maker import page, tiff

from amsr_deploy import image
from amsr_deploy.image import WriteOptions, texts, xmp
from amsr_deploy.image.jpeg import segment

HEIGHT, WIDTH = 8, 12
PACKET = b"""<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:tiff="http://ns.adobe.com/tiff/1.0/"
 xmlns:exif="http://ns.adobe.com/exif/1.0/" xmlns:xmpNote="http://ns.adobe.com/xmp/note/"
 xmlns:GPano="http://ns.google.com/photos/1.0/panorama/"
 xmlns:mwg="http://www.metadataworkinggroup.com/schemas/regions/"
 xmlns:stDim="http://ns.adobe.com/xap/1.0/sType/Dimensions#"
 tiff:Orientation="6" tiff:ImageWidth="12" xmpNote:HasExtendedXMP="0123" GPano:FullPanoWidthPixels="12">
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">K\xc3\xbcste &amp; Meer</rdf:li></rdf:Alt></dc:title>
<tiff:ImageLength>8</tiff:ImageLength><exif:PixelXDimension>12</exif:PixelXDimension>
<exif:SubjectArea><rdf:Seq><rdf:li>6</rdf:li><rdf:li>4</rdf:li></rdf:Seq></exif:SubjectArea>
<mwg:Regions rdf:parseType="Resource"><mwg:AppliedToDimensions stDim:w="12" stDim:h="8" stDim:unit="pixel"/>
</mwg:Regions>
</rdf:Description></rdf:RDF></x:xmpmeta>
<?xpacket end="w"?>
"""
CAPTION = "Küste".encode()
IPTC = b"\x1c\x02\x78" + struct.pack(">H", len(CAPTION)) + CAPTION
OTHER_RESOURCE = b"8BIM\x04\x25\0\0" + struct.pack(">I", 3) + b"abc\0"
COMMENT = b"Am Meer"


def pixels() -> Image.Image:
    return Image.fromarray(np.arange(HEIGHT * WIDTH * 3, dtype=np.uint8).reshape(HEIGHT, WIDTH, 3))


def jpeg(*segments: bytes) -> bytes:
    file = io.BytesIO()
    pixels().save(file, "JPEG")
    return file.getvalue()[:2] + b"".join(segments) + file.getvalue()[2:]


def full_jpeg(orientation: int = 1) -> bytes:
    exif = Image.Exif()
    exif[0x112] = orientation
    return jpeg(
        segment(0xE1, exif.tobytes()),
        segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + PACKET),
        segment(0xED, b"Photoshop 3.0\0" + OTHER_RESOURCE + texts.to_resource(IPTC)),
        segment(0xFE, COMMENT),
    )


def png(*chunks: bytes) -> bytes:
    file = io.BytesIO()
    pixels().save(file, "PNG")
    head = 8 + 25
    return file.getvalue()[:head] + b"".join(chunks) + file.getvalue()[head:]


def read(folder: Path, data: bytes) -> image.Picture:
    (folder / "a").write_bytes(data)
    return image.read(folder / "a")


def after(folder: Path, picture: image.Picture, suffix: str, options: WriteOptions | None = None) -> image.Metadata:
    """What is left of a picture's words in a file."""
    image.write(folder / f"b{suffix}", picture, options or WriteOptions())
    return image.read(folder / f"b{suffix}").metadata


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp", ".avif", ".jxl"])
def test_xmp_goes_through_every_format_that_holds_it(tmp_path: Path, suffix: str) -> None:
    picture = read(tmp_path, full_jpeg())
    kept = after(tmp_path, picture, suffix)
    assert kept.xmp == picture.metadata.xmp
    assert "Küste &amp; Meer".encode() in (kept.xmp or b"")


@pytest.mark.parametrize(("suffix", "with_iptc"), [(".png", True), (".jpg", True), (".tif", True), (".webp", False)])
def test_iptc_and_comment(tmp_path: Path, caplog: pytest.LogCaptureFixture, suffix: str, with_iptc: bool) -> None:
    picture = read(tmp_path, full_jpeg())
    image.check_output(tmp_path / f"b{suffix}", picture)
    kept = after(tmp_path, picture, suffix)
    assert kept.iptc == (IPTC if with_iptc else None)
    assert ("IPTC data" in caplog.text) is not with_iptc
    with_comment = suffix in (".png", ".jpg")
    assert [texts.to_comment(text) for text in kept.texts] == ([COMMENT] if with_comment else [])
    assert (" text" in caplog.text) is not with_comment


@pytest.mark.parametrize("orientation", [1, 6])
def test_xmp_tells_the_size_and_orientation_of_the_result(tmp_path: Path, orientation: int) -> None:
    picture = read(tmp_path, full_jpeg(orientation))
    metadata = picture.metadata.scaled(picture.size, (picture.size[0] * 4, picture.size[1] * 4))
    text = (metadata.xmp or b"").decode()
    height, width = (32, 48) if orientation == 1 else (48, 32)
    for part in (
        'tiff:Orientation="1"',
        f'tiff:ImageWidth="{width}"',
        f"<tiff:ImageLength>{height}</tiff:ImageLength>",
        f"<exif:PixelXDimension>{width}</exif:PixelXDimension>",
        "Küste &amp; Meer",
        "<?xpacket end",
    ):
        assert part in text
    for part in ("SubjectArea>", "HasExtendedXMP="):
        assert part not in text
    turned = orientation != 1
    assert ('GPano:FullPanoWidthPixels="48"' in text) is not turned
    assert ('stDim:w="48"' in text) is not turned
    assert ("mwg:Regions>" in text) is not turned


@pytest.mark.parametrize(
    "damaged",
    [
        b"<x:xmpmeta",
        b"\xff\xfe\0",
        b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>',
        PACKET.replace(b'stDim:w="12"', b'stDim:w="much"'),
        PACKET.replace(b'stDim:w="12"', b'stDim:w="1e400"'),
    ],
)
def test_damaged_xmp_costs_only_itself(tmp_path: Path, caplog: pytest.LogCaptureFixture, damaged: bytes) -> None:
    picture = read(tmp_path, png(chunk(*texts.from_xmp(damaged))))
    assert picture.metadata.xmp is None
    assert "XMP is damaged" in caplog.text


def test_long_xmp_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    read(tmp_path, jpeg(segment(0xE1, b"http://ns.adobe.com/xmp/extension/\0" + bytes(100))))
    assert "beyond 64 KB" in caplog.text
    picture = read(tmp_path, png(chunk(*texts.from_xmp(PACKET.replace(b"Meer", b"M" * 70_000)))))
    image.check_output(tmp_path / "b.jpg", picture)
    assert "JPEG drops XMP" in caplog.text
    assert after(tmp_path, picture, ".jpg").xmp is None


@pytest.mark.parametrize("order", ["<", ">"])
def test_iptc_of_a_tiff_in_whole_numbers(tmp_path: Path, order: str) -> None:
    padded = IPTC + bytes(-len(IPTC) % 4)
    numbers = struct.unpack(f"{order}{len(padded) // 4}I", padded)
    made = page(np.zeros((2, 2, 3), np.uint8), 2, more={33723: ("I", numbers), 700: ("B", tuple(PACKET))})
    metadata = read(tmp_path, tiff(made, order=order)).metadata
    assert metadata.iptc == padded
    assert "Küste".encode() in (metadata.xmp or b"")


@pytest.mark.parametrize(
    ("kind", "body", "kept"),
    [
        (b"tEXt", b"Title\0Sea", True),
        (b"zTXt", b"Comment\0\0" + zlib.compress(b"long " * 99), True),
        (b"iTXt", b"Author\0\1\0de\0Autor\0" + zlib.compress("Jörg".encode()), True),
        (b"tEXt", b"exif:ExifImageWidth\x0012", False),
        (b"tEXt", b"Thumb::Image::Width\x0012", False),
    ],
)
def test_texts_of_png(tmp_path: Path, kind: bytes, body: bytes, kept: bool) -> None:
    picture = read(tmp_path, png(chunk(kind, body)))
    assert after(tmp_path, picture, ".png").texts == (((kind, body),) if kept else ())


def test_iptc_that_others_put_into_png(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    plain = b"\niptc\n%8d\n" % len(IPTC) + IPTC.hex().encode()
    assert read(tmp_path, png(chunk(b"tEXt", texts.IPTC_PROFILE + b"\0" + plain))).metadata.iptc == IPTC
    for damaged in (b"\niptc\n1\nno digits", b"\niptc", b""):
        caplog.clear()
        assert read(tmp_path, png(chunk(b"tEXt", texts.IPTC_PROFILE + b"\0" + damaged))).metadata.iptc is None
        assert "IPTC data is damaged" in caplog.text


def test_a_comment_too_long_for_a_jpeg_is_dropped_aloud(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    long = png(chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(70_000))))
    picture = read(tmp_path, long)
    image.check_output(tmp_path / "b.jpg", picture)
    assert "JPEG drops text" in caplog.text
    assert after(tmp_path, picture, ".jpg").texts == ()


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp", ".avif", ".jxl", ".bmp"])
def test_stripped_words(tmp_path: Path, suffix: str, caplog: pytest.LogCaptureFixture) -> None:
    options = WriteOptions(strip_metadata=True)
    picture = read(tmp_path, full_jpeg())
    image.check_fit(tmp_path / f"b{suffix}", picture, options=options)
    kept = after(tmp_path, picture, suffix, options)
    assert (kept.xmp, kept.iptc, kept.texts) == (None, None, ())
    assert not caplog.text
    assert b"Meer" not in (tmp_path / f"b{suffix}").read_bytes()


def test_a_bitmap_says_all_that_it_drops(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    image.check_output(tmp_path / "b.bmp", read(tmp_path, full_jpeg()))
    assert "BMP drops XMP, IPTC data, text" in caplog.text


def test_xmp_in_utf_16() -> None:
    packet = PACKET.decode().replace("\ufeff", "").encode("utf-16")
    assert "Küste".encode() in xmp.upright(packet, (8, 12), 1)
