"""What tells a picture's size and place is turned and scaled with its pixels, or dropped with a word."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from picture_cases import enlarge, exif_of
from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2
from scale_cases import strips_by
from tiff_maker import page, tiff

from amsr_deploy import image
from amsr_deploy.image import Metadata, Picture
from amsr_deploy.image.place import GEO_KEYS, PIXEL_SCALE, TIE_POINTS, TRANSFORMATION, GeoReference, Resolution

POINT_KEYS = (1, 1, 0, 2, 1024, 0, 1, 1, 1025, 0, 1, 2)
AREA_KEYS = (1, 1, 0, 2, 1024, 0, 1, 1, 1025, 0, 1, 1)
HEIGHT, WIDTH = 24, 32


def upscaled(source: Path, target: Path) -> None:
    image.write(target, strips_by(enlarge, image.read(source)).whole())


def tags_of(path: Path) -> ImageFileDirectory_v2:
    with path.open("rb") as file:
        directory = ImageFileDirectory_v2(file.read(8))
        file.seek(directory.next)
        directory.load(file)
    return directory


# ------------------------------------------------------------------------------------------------------------ GeoTIFF


def on_earth(tags: dict[int, tuple[float, ...]], x: float, y: float) -> np.ndarray:
    """Where the point lies that is x and y pixels from the upper left corner of the picture."""
    shift = 0.5 if tuple(tags.get(GEO_KEYS, ())) == POINT_KEYS else 0
    place = np.array([x - shift, y - shift, 0, 1])
    if TRANSFORMATION in tags:
        return (np.array(tags[TRANSFORMATION]).reshape(4, 4) @ place)[:2]
    tie, size = np.array(tags[TIE_POINTS]), np.array(tags[PIXEL_SCALE])
    return tie[3:5] + (place[:2] - tie[:2]) * size[:2] * [1, -1]


GEOS = [
    {PIXEL_SCALE: (10.0, 20.0, 0.0), TIE_POINTS: (0.0, 0.0, 0.0, 500000.0, 4000000.0, 0.0)},
    {PIXEL_SCALE: (10.0, 20.0, 3.0), TIE_POINTS: (5.5, 7.0, 0.0, 500000.0, 4000000.0, 12.0)},
    {TRANSFORMATION: (8.0, 6.0, 0.0, 1000.0, 6.0, -8.0, 0.0, 2000.0, 0.0, 0.0, 1.0, 5.0, 0.0, 0.0, 0.0, 1.0)},
]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("keys", [AREA_KEYS, POINT_KEYS])
@pytest.mark.parametrize("geo", GEOS)
def test_corners_stay_where_they_are(
    tmp_path: Path, geo: dict[int, tuple[float, ...]], keys: tuple[int, ...], dtype: type
) -> None:
    more = {tag: ("d", values) for tag, values in geo.items()} | {GEO_KEYS: ("H", keys), 34737: ("s", b"UTM|\0")}
    (tmp_path / "a.tif").write_bytes(tiff(page(np.zeros((HEIGHT, WIDTH, 3), dtype), 2, more=more)))
    upscaled(tmp_path / "a.tif", tmp_path / "b.tif")
    after = tags_of(tmp_path / "b.tif")
    assert (after[GEO_KEYS], after[34737]) == (keys, "UTM|")
    for x, y in ((0, 0), (WIDTH, 0), (0, HEIGHT), (WIDTH / 2, 3)):
        np.testing.assert_allclose(
            on_earth({**geo, GEO_KEYS: keys}, x, y), on_earth(dict(after), 4 * x, 4 * y), atol=1e-6
        )


def test_several_tie_points_move() -> None:
    points = (0.0, 0.0, 0.0, 1.0, 2.0, 0.0, 10.0, 20.0, 0.0, 3.0, 4.0, 0.0)
    moved = GeoReference({TIE_POINTS: points}).scaled((4, 2)).tags[TIE_POINTS]
    assert moved == (0.0, 0.0, 0.0, 1.0, 2.0, 0.0, 40.0, 40.0, 0.0, 3.0, 4.0, 0.0)


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_formats_without_a_place_say_so(tmp_path: Path, caplog: pytest.LogCaptureFixture, suffix: str) -> None:
    more = {PIXEL_SCALE: ("d", (10.0, 10.0, 0.0))}
    (tmp_path / "a.tif").write_bytes(tiff(page(np.zeros((HEIGHT, WIDTH, 3), np.uint8), 2, more=more)))
    picture = image.read(tmp_path / "a.tif")
    image.check_output(tmp_path / f"b{suffix}", picture)
    image.write(tmp_path / f"b{suffix}", picture)
    assert caplog.text.count("place on the earth") == 1
    assert PIXEL_SCALE not in exif_of(image.read(tmp_path / f"b{suffix}"))


@pytest.mark.parametrize(("tag", "value"), [(42113, ("s", b"0\0")), (50844, ("d", (1.0,) * 92))])
def test_what_holds_for_the_original_only_is_dropped_aloud(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, tag: int, value: tuple
) -> None:
    (tmp_path / "a.tif").write_bytes(tiff(page(np.zeros((HEIGHT, WIDTH, 3), np.uint8), 2, more={tag: value})))
    upscaled(tmp_path / "a.tif", tmp_path / "b.tif")
    assert tag not in tags_of(tmp_path / "b.tif")
    assert "are dropped" in caplog.text


def test_a_place_with_an_orientation_is_dropped_aloud(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    more = {PIXEL_SCALE: ("d", (10.0, 10.0, 0.0)), 274: ("H", 6)}
    (tmp_path / "a.tif").write_bytes(tiff(page(np.zeros((HEIGHT, WIDTH, 3), np.uint8), 2, more=more)))
    assert image.read(tmp_path / "a.tif").metadata.geo is None
    assert "does not fit its orientation" in caplog.text


# -------------------------------------------------------------------------------------------------------- resolution


def dpi(path: Path) -> tuple[float, float]:
    with Image.open(path) as stored:
        x, y = stored.info["dpi"]
    return float(x), float(y)


@pytest.mark.parametrize("target", [".png", ".tif", ".jpg", ".bmp"])
@pytest.mark.parametrize("source", [".png", ".tif", ".jpg", ".bmp"])
def test_the_printed_size_stays(tmp_path: Path, source: str, target: str) -> None:
    Image.fromarray(np.zeros((HEIGHT, WIDTH, 3), np.uint8)).save(tmp_path / f"a{source}", dpi=(300, 150))
    upscaled(tmp_path / f"a{source}", tmp_path / f"b{target}")
    assert dpi(tmp_path / f"b{target}") == pytest.approx((1200, 600), abs=1)


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_resolutions_turn_with_the_picture(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.zeros((HEIGHT, WIDTH, 3), np.uint8)).save(tmp_path / "a.png", dpi=(300, 150), exif=exif)
    resolution = image.read(tmp_path / "a.png").metadata.resolution
    assert resolution is not None
    assert resolution.per("inch") == pytest.approx((150, 300) if orientation in (6, 8) else (300, 150), abs=0.1)


@pytest.mark.parametrize("orientation", [1, 6])
def test_resolutions_of_a_turned_tiff(tmp_path: Path, orientation: int) -> None:
    more = {274: ("H", orientation), 282: ("F", (300, 1)), 283: ("F", (150, 1)), 296: ("H", 2)}
    for dtype in (np.uint8, np.uint16):
        (tmp_path / "a.tif").write_bytes(tiff(page(np.zeros((HEIGHT, WIDTH, 3), dtype), 2, more=more)))
        picture = image.read(tmp_path / "a.tif")
        expected = (150, 300) if orientation == 6 else (300, 150)
        assert picture.metadata.resolution == Resolution(*expected, "inch")
        assert picture.size == ((WIDTH, HEIGHT) if orientation == 6 else (HEIGHT, WIDTH))


@pytest.mark.parametrize(("unit", "stored"), [("m", "cm"), ("cm", "cm"), ("inch", "inch"), (None, None)])
def test_a_tiff_has_resolutions_of_every_unit(
    tmp_path: Path, unit: Literal["m", "cm", "inch"] | None, stored: Literal["cm", "inch"] | None
) -> None:
    picture = Picture(np.zeros((4, 4, 3), np.float32), metadata=Metadata(resolution=Resolution(300, 150, unit)))
    image.write(tmp_path / "a.tif", picture)
    factor = 0.01 if unit == "m" else 1
    assert image.read(tmp_path / "a.tif").metadata.resolution == Resolution(300 * factor, 150 * factor, stored)


def test_pixels_that_are_not_square_stay_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    picture = Picture(np.zeros((4, 4, 3), np.float32), metadata=Metadata(resolution=Resolution(2, 1, None)))
    image.write(tmp_path / "a.png", picture)
    again = image.read(tmp_path / "a.png").metadata.resolution
    assert again == Resolution(2, 1, None)
    image.check_output(tmp_path / "b.jpg", picture)
    assert "JPEG drops the resolution" in caplog.text


@pytest.mark.parametrize("words", [(0, 0), (1, 0)])
def test_a_resolution_that_is_no_number_costs_only_itself(tmp_path: Path, words: tuple[int, int]) -> None:
    exif = Image.Exif()
    exif[0x011A], exif[0x010F] = 299.0, "maker"
    data = exif.tobytes()
    assert data.count(struct.pack(">II", 299, 1)) == 1
    Image.new("RGB", (6, 4)).save(
        tmp_path / "a.jpg", exif=data.replace(struct.pack(">II", 299, 1), struct.pack(">II", *words))
    )
    upscaled(tmp_path / "a.jpg", tmp_path / "b.jpg")
    kept = exif_of(image.read(tmp_path / "b.jpg"))
    assert 0x011A not in kept
    assert kept[0x010F] == "maker"


@pytest.mark.parametrize("body", [struct.pack(">IIB", 0, 0, 1), struct.pack(">IIB", 1, 1, 0), b"short"])
def test_resolutions_that_say_nothing(tmp_path: Path, body: bytes) -> None:
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add(b"pHYs", body)
    Image.new("RGB", (3, 2)).save(tmp_path / "a.png", pnginfo=info)
    assert image.read(tmp_path / "a.png").metadata.resolution is None


# -------------------------------------------------------------------------------------------------------------- EXIF


def described(orientation: int, area: tuple[int, ...]) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x011A], exif[0x011B] = 72.0, 96.0
    exif[0x8769] = {
        0xA002: WIDTH,
        0xA003: HEIGHT,
        0x9214: area,
        0xA214: area[:2],
        0xA20E: 1000.0,
        0xA20F: 500.0,
        0x927C: b"offsets of the maker",
        0xA005: {1: "R98", 0x1001: WIDTH, 0x1002: HEIGHT},
    }
    return exif.tobytes()


@pytest.mark.parametrize("suffix", [".png", ".tif", ".jpg", ".webp"])
@pytest.mark.parametrize("area", [(8, 4), (8, 4, 6), (8, 4, 6, 2)])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_follows_the_pixels(tmp_path: Path, orientation: int, area: tuple[int, ...], suffix: str) -> None:
    pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    pixels[4, 8] = 255  # the subject
    Image.fromarray(pixels).save(tmp_path / "a.png", exif=described(orientation, area))
    upscaled(tmp_path / "a.png", tmp_path / f"b{suffix}")
    picture = image.read(tmp_path / f"b{suffix}")
    height, width = picture.size
    swapped = orientation >= 5
    exif = exif_of(picture)
    details = exif.get_ifd(0x8769)
    assert (details[0xA002], details[0xA003]) == (width, height) == ((96, 128) if swapped else (128, 96))
    related = exif.get_ifd(0xA005)
    assert (related[0x1001], related[0x1002]) == (width, height)
    x, y = details[0xA214]
    assert picture.rgb[y, x].min() > 0.5
    expected = {2: (), 3: (24,), 4: (8, 24) if swapped else (24, 8)}[len(area)]
    assert details[0x9214] == (x, y, *expected)
    assert (exif[0x011A], exif[0x011B]) == ((384, 288) if swapped else (288, 384))
    assert (details[0xA20E], details[0xA20F]) == ((2000, 4000) if swapped else (4000, 2000))
    assert 0x927C not in details


def test_a_subject_that_cannot_be_told_is_dropped(tmp_path: Path) -> None:
    Image.new("RGB", (WIDTH, HEIGHT)).save(tmp_path / "a.png", exif=described(1, (60000, 4)))
    picture = strips_by(enlarge, image.read(tmp_path / "a.png")).whole()
    assert 0x9214 not in exif_of(picture).get_ifd(0x8769)
