"""Every way to store samples in a TIFF is read right, or refused with the true reason."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cmyk_profile import cmyk_profile
from numpy.typing import NDArray
from PIL import Image, ImageCms
from tiff_maker import Page, page, tiff

from amsr_deploy import image
from amsr_deploy.errors import ImageError
from amsr_deploy.image import Picture
from amsr_deploy.image.cmyk_lab import lab_to_srgb

WHITE_IS_ZERO, GREY, RGB, PALETTE, MASK, CMYK, YCBCR, CIE_LAB, ICC_LAB = 0, 1, 2, 3, 4, 5, 6, 8, 9
UNSPECIFIED, PREMULTIPLIED, STRAIGHT = 0, 1, 2
SIGNED, FLOAT, UNDEFINED, COMPLEX = 2, 3, 4, 6


def numbers(channels: int, bits: int, height: int = 3, width: int = 5) -> NDArray[np.int64]:
    """Samples of all sizes, with black and white among them."""
    drawn = np.random.default_rng(bits).integers(0, 2**bits, (height, width, channels))
    drawn[0, 0], drawn[0, 1] = 0, 2**bits - 1
    return drawn


def read(tmp_path: Path, *pages: Page, **layout: Any) -> Picture:
    (tmp_path / "a.tif").write_bytes(tiff(*pages, **layout))
    return image.read(tmp_path / "a.tif")


def refusal(tmp_path: Path, *pages: Page, **layout: Any) -> str:
    with pytest.raises(ImageError) as error:
        read(tmp_path, *pages, **layout)
    assert "\n" not in str(error.value)
    assert "damaged" not in str(error.value)
    return str(error.value)


def close_to(bits: int) -> float:
    """How far a depth that is stretched to 8 or 16 bits may be off."""
    return 1.1 / (255 if bits <= 8 else 65535)


@pytest.mark.parametrize("model", [WHITE_IS_ZERO, GREY])
@pytest.mark.parametrize("bits", [1, 2, 4, 6, 8, 10, 12, 14, 16])
def test_grey_of_every_depth(tmp_path: Path, bits: int, model: int) -> None:
    samples = numbers(1, bits)
    made = page(samples.astype(f"u{bits // 8}"), model) if bits in (8, 16) else page(samples, model, bits)
    picture = read(tmp_path, made)
    expected = samples[..., 0] / (2**bits - 1)
    np.testing.assert_allclose(
        picture.rgb[..., 0], 1 - expected if model == WHITE_IS_ZERO else expected, atol=close_to(bits)
    )
    assert (picture.grey, picture.alpha, picture.bits) == (True, None, 8 if bits <= 8 else 16)


@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("bits", [2, 4, 8, 10, 12, 14, 16])
def test_rgb_of_every_depth(tmp_path: Path, bits: int, channels: int, planar: bool) -> None:
    samples = numbers(channels, bits)
    extra = (STRAIGHT,) if channels == 4 else ()
    packed = None if bits in (8, 16) else bits
    stored = samples.astype(f"u{bits // 8}") if packed is None else samples
    picture = read(tmp_path, page(stored, RGB, packed, extra=extra, planar=planar))
    np.testing.assert_allclose(picture.rgb, samples[..., :3] / (2**bits - 1), atol=close_to(bits))
    assert (picture.alpha is not None) == (channels == 4)
    if picture.alpha is not None:
        np.testing.assert_allclose(picture.alpha, samples[..., 3] / (2**bits - 1), atol=close_to(bits))


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_both_byte_orders_and_bigtiff(tmp_path: Path, dtype: type, order: str, big: bool) -> None:
    samples = numbers(3, 8 * np.dtype(dtype).itemsize).astype(dtype)
    made = page(samples, RGB, order=order)
    picture = read(tmp_path, made, order=order, big=big)
    np.testing.assert_array_equal(picture.rgb, samples / np.float32(np.iinfo(dtype).max))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("model", [WHITE_IS_ZERO, GREY, RGB])
@pytest.mark.parametrize("extra", [STRAIGHT, PREMULTIPLIED])
def test_alpha_of_both_kinds(tmp_path: Path, extra: int, model: int, dtype: type) -> None:
    peak = np.iinfo(dtype).max
    alpha = np.array([[1.0, 0.6, 0.2, 0.0]])
    colour = np.array([[0.4, 0.8, 0.2, 0.0]])
    stored = colour * alpha if extra == PREMULTIPLIED else colour
    channels = [stored] * (3 if model == RGB else 1)
    samples = np.rint(np.stack([*channels, alpha], axis=2) * peak).astype(dtype)
    if model == WHITE_IS_ZERO:
        samples[..., 0] = peak - samples[..., 0]
    picture = read(tmp_path, page(samples, model, extra=(extra,)))
    assert picture.alpha is not None
    np.testing.assert_allclose(picture.alpha, alpha, atol=1 / peak)
    np.testing.assert_allclose(picture.rgb[..., 0], colour, atol=0.02)
    assert picture.grey == (model != RGB)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("extra", [(UNSPECIFIED,), (UNSPECIFIED, UNSPECIFIED), ()])
def test_channels_without_meaning_are_dropped_aloud(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, extra: tuple[int, ...], dtype: type
) -> None:
    count = max(1, len(extra))
    samples = numbers(3 + count, 8 * np.dtype(dtype).itemsize).astype(dtype)
    picture = read(tmp_path, page(samples, RGB, extra=extra))
    assert picture.alpha is None
    np.testing.assert_array_equal(picture.rgb, samples[..., :3] / np.float32(np.iinfo(dtype).max))
    assert f"{count} of its channels" in caplog.text


def test_alpha_among_other_channels(tmp_path: Path) -> None:
    samples = numbers(6, 8).astype(np.uint8)
    picture = read(tmp_path, page(samples, RGB, extra=(UNSPECIFIED, STRAIGHT, UNSPECIFIED)))
    np.testing.assert_array_equal(picture.alpha, samples[..., 4] / np.float32(255))


@pytest.mark.parametrize("step", [257, 1])
@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_palettes_of_16_bits_and_of_8_as_old_programs_wrote_them(tmp_path: Path, bits: int, step: int) -> None:
    samples = numbers(1, bits)
    colours = np.random.default_rng(1).integers(0, 256, (3, 2**bits))
    made = page(samples, PALETTE, bits, more={320: ("H", [int(value) * step for value in colours.ravel()])})
    picture = read(tmp_path, made)
    np.testing.assert_array_equal(
        picture.rgb, colours.astype(np.float32)[:, samples[..., 0]].transpose(1, 2, 0) / np.float32(255)
    )
    assert not picture.grey


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("alpha", [False, True])
def test_cmyk_with_and_without_alpha(tmp_path: Path, alpha: bool, dtype: type) -> None:
    peak = np.iinfo(dtype).max
    inks = np.array([[[0, 1, 1, 0], [0, 0, 0, 1], [0, 0, 0, 0], [0.4, 0, 0, 0.2]]])
    samples = np.concatenate([inks, np.full((1, 4, 1), 0.4)], axis=2) if alpha else inks
    picture = read(tmp_path, page(np.rint(samples * peak).astype(dtype), CMYK, extra=(STRAIGHT,) if alpha else ()))
    expected = [[[1, 0, 0], [0, 0, 0], [1, 1, 1], [0.48, 0.8, 0.8]]]
    np.testing.assert_allclose(picture.rgb, expected, atol=0.005)
    if alpha:
        np.testing.assert_allclose(picture.alpha, np.full((1, 4), 0.4), atol=0.002)


@pytest.mark.parametrize("channels", [4, 5])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_cmyk_goes_through_its_profile(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, dtype: type, channels: int
) -> None:
    samples = np.zeros((2, 2, channels), dtype)
    samples[..., 0] = samples[..., 4:] = np.iinfo(dtype).max
    extra = (STRAIGHT,) if channels == 5 else ()
    picture = read(tmp_path, page(samples, CMYK, extra=extra, more={34675: ("B", tuple(cmyk_profile()))}))
    grey = ((50 + 16) / 116) ** 3  # L* = 50, as the profile says of cyan
    np.testing.assert_allclose(picture.rgb, 1.055 * grey ** (1 / 2.4) - 0.055, atol=0.02)
    assert picture.metadata.icc_profile is None
    assert ("read with 8" in caplog.text) == (dtype == np.uint16)


def test_inks_other_than_cmyk_are_refused(tmp_path: Path) -> None:
    assert "inks other than CMYK" in refusal(tmp_path, page(numbers(4, 8).astype("u1"), CMYK, more={332: ("H", 2)}))


LABS = np.array([[[0, 0, 0], [100, 0, 0], [50, 0, 0], [60, 40, 20], [40, -30, 10], [30, 20, -50]]], np.float32)


def through_little_cms(lab: NDArray[np.float32]) -> NDArray[np.float32]:
    """Lab as sRGB by another library."""
    stored = np.stack([np.rint(lab[..., 0] * 2.55), *np.moveaxis(lab[..., 1:], 2, 0)], axis=2)
    picture = Image.frombytes("LAB", (lab.shape[1], lab.shape[0]), stored.astype(np.int64).astype(np.uint8).tobytes())
    converted = ImageCms.profileToProfile(
        picture,
        ImageCms.createProfile("LAB", 5000),
        ImageCms.createProfile("sRGB"),
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        outputMode="RGB",
    )
    return np.asarray(converted) / np.float32(255)


def test_lab_is_converted_as_little_cms_does() -> None:
    np.testing.assert_allclose(lab_to_srgb(LABS), through_little_cms(LABS), atol=0.03)  # 8 bits, dark colours


@pytest.mark.parametrize("sample_format", [1, SIGNED])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("model", [CIE_LAB, ICC_LAB])
def test_lab_of_both_encodings(tmp_path: Path, model: int, dtype: type, sample_format: int) -> None:
    deep = dtype == np.uint16
    white = {(CIE_LAB, False): 255, (CIE_LAB, True): 65535, (ICC_LAB, False): 255, (ICC_LAB, True): 65280}
    lightness = LABS[..., :1] / 100 * white[model, deep]
    chroma = (LABS[..., 1:] + (128 if model == ICC_LAB else 0)) * (256 if deep else 1)
    samples = np.rint(np.concatenate([lightness, chroma], axis=2)).astype(np.int64).astype(dtype)
    picture = read(tmp_path, page(samples, model, sample_format=sample_format))
    np.testing.assert_allclose(picture.rgb, lab_to_srgb(LABS), atol=0.01)
    assert picture.bits == (16 if deep else 8)


@pytest.mark.parametrize("compression", ["raw", "jpeg"])
def test_ycbcr(tmp_path: Path, compression: str) -> None:
    ramp = np.linspace(0, 255, 32).astype(np.uint8)
    source = Image.fromarray(
        np.stack([np.tile(ramp, (32, 1)), np.tile(255 - ramp, (32, 1)), np.full((32, 32), 90, "u1")], 2)
    )
    (source if compression == "jpeg" else source.convert("YCbCr")).save(
        tmp_path / "a.tif", compression=compression, quality=95
    )
    np.testing.assert_allclose(image.read(tmp_path / "a.tif").rgb, np.asarray(source) / 255, atol=0.06)


def ycbcr_page(planes: NDArray[np.uint8], across: int, down: int) -> Page:
    """Make a page of [H, W, 3] YCbCr, of whose colours that of the first of so many pixels is kept."""
    height, width, _ = planes.shape
    units = [
        [*planes[y : y + down, x : x + across, 0].ravel(), *planes[y, x, 1:]]
        for y in range(0, height, down)
        for x in range(0, width, across)
    ]
    tags, _ = page(planes, YCBCR, more={530: ("H", (across, down))})
    return tags, np.array(units, np.uint8).tobytes()


def test_uncompressed_ycbcr_with_fewer_colours_than_pixels(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    for across, down in [(1, 1), (2, 1), (2, 2), (4, 1), (4, 2)]:
        few = random.integers(100, 150, (8 // down, 20 // across, 3), np.uint8)
        planes = few.repeat(down, axis=0).repeat(across, axis=1)
        planes[..., 0] = random.integers(100, 150, (8, 20), np.uint8)
        picture = read(tmp_path, ycbcr_page(planes, across, down))
        expected = np.asarray(Image.fromarray(planes, "YCbCr").convert("RGB")) / np.float32(255)
        np.testing.assert_allclose(picture.rgb, expected, atol=0.01)


def test_ycbcr_that_the_library_reads_wrong_is_refused(tmp_path: Path) -> None:
    assert "save it as RGB" in refusal(tmp_path, ycbcr_page(np.zeros((8, 12, 3), np.uint8), 4, 4))


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "zstd", "lzma"])
def test_compressions(tmp_path: Path, compression: str) -> None:
    samples = numbers(3, 8, 40, 30).astype(np.uint8)
    Image.fromarray(samples).save(tmp_path / "a.tif", compression=compression)
    np.testing.assert_array_equal(image.read(tmp_path / "a.tif").rgb, samples / np.float32(255))


@pytest.mark.parametrize("compression", ["group3", "group4"])
def test_fax_compressions(tmp_path: Path, compression: str) -> None:
    source = Image.fromarray(np.eye(20, dtype=np.bool_))
    source.save(tmp_path / "a.tif", compression=compression)
    np.testing.assert_array_equal(image.read(tmp_path / "a.tif").rgb[..., 0], np.eye(20))


def test_a_compression_that_is_not_known_is_named(tmp_path: Path) -> None:
    made, strip = page(numbers(3, 16).astype(np.uint16), RGB)
    assert "ZSTD" in refusal(tmp_path, ({**made, 259: ("H", 50000)}, strip))


@pytest.mark.parametrize("planar", [1, 2])
def test_tiles(tmp_path: Path, planar: int) -> None:
    samples = numbers(3, 16, 20, 30).astype(np.uint16)
    padded = np.pad(samples, ((0, 12), (0, 2), (0, 0)))
    planes = [padded] if planar == 1 else [padded[..., channel : channel + 1] for channel in range(3)]
    tiles = [
        plane[top : top + 16, left : left + 16].tobytes() for plane in planes for top in (0, 16) for left in (0, 16)
    ]
    made, _ = page(samples, RGB)
    sizes = [len(tile) for tile in tiles]
    tags = {tag: value for tag, value in made.items() if tag != 278}
    tags |= {284: ("H", planar), 322: ("H", 16), 323: ("H", 16)}
    tags |= {324: ("I", [8 + sum(sizes[:number]) for number in range(len(tiles))]), 325: ("I", sizes)}
    data = tiff((tags, b"".join(tiles)))
    (tmp_path / "a.tif").write_bytes(data)
    np.testing.assert_array_equal(image.read(tmp_path / "a.tif").rgb, samples / np.float32(65535))


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_floating_point_between_black_and_white(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, channels: int, dtype: type
) -> None:
    samples = (numbers(channels, 8) / 255).astype(dtype)
    extra = (STRAIGHT,) if channels == 4 else ()
    model = RGB if channels > 1 else GREY
    picture = read(tmp_path, page(samples, model, sample_format=FLOAT, extra=extra))
    np.testing.assert_array_equal(picture.rgb[..., 0], samples[..., 0].astype(np.float32))
    assert picture.bits == 16
    assert "as if sRGB" in caplog.text


@pytest.mark.parametrize("value", [-0.1, 1.5, np.nan, np.inf])
def test_floating_point_beyond_black_and_white_is_refused(tmp_path: Path, value: float) -> None:
    samples = np.full((2, 2, 1), value, np.float32)
    assert "floating-point samples from" in refusal(tmp_path, page(samples, GREY, sample_format=FLOAT))


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        *(
            (page(np.zeros((2, 2, 1), f"i{size}"), GREY, sample_format=SIGNED), rf"signed samples \(int{8 * size}\)")
            for size in (1, 2, 4)
        ),
        (page(np.zeros((2, 2, 3), np.int8), RGB, sample_format=SIGNED), "signed"),
        (page(np.zeros((2, 2, 1), np.float64), GREY, sample_format=FLOAT), "64 bits"),
        (page(np.zeros((2, 2, 1), np.complex64), GREY, sample_format=COMPLEX), "complex"),
        (page(np.zeros((2, 2, 1), np.uint32), GREY), "32 bits per channel"),
        (page(np.zeros((2, 2, 3), np.int64), RGB, 24), "24 bits per channel"),
        (page(np.zeros((2, 2, 1), np.uint8), 32803), "raw camera"),
        (page(np.zeros((2, 2, 3), np.uint16), 34892), "raw camera"),
        (page(np.zeros((2, 2, 3), np.uint16), 32845), "LogLuv"),
        (page(np.zeros((2, 2, 3), np.uint8), 10), "ITU"),
        (page(np.zeros((2, 2, 3), np.uint8), 77), "number 77"),
        (page(np.zeros((2, 2, 2), np.uint8), PALETTE, more={320: ("H", [0] * 768)}, extra=(2,)), "palette and"),
        (page(np.zeros((2, 2, 3), np.uint8), RGB, more={258: ("H", (5, 6, 5))}), "different depths"),
        *((page(np.zeros((2, 2, 1), np.int64), GREY, bits), f"{bits} bits per") for bits in (3, 5, 7, 9, 11, 13, 15)),
        *((page(np.zeros((2, 2, 3), kind), RGB, sample_format=UNDEFINED), "undefined") for kind in ("u1", "u2")),
        *(
            (page(np.zeros((2, 2, 3), np.float32), model, sample_format=FLOAT), "floating-point samples that are not")
            for model in (CIE_LAB, ICC_LAB, YCBCR)
        ),
        (page(np.zeros((2, 2, 3), np.uint16), YCBCR), "YCbCr samples of 16 bits"),
        (page(np.zeros((2, 2, 3), np.uint8), CIE_LAB, more={339: ("H", (1, 2, 2))}), "different depths or types"),
        *(
            (page(np.zeros((2, 2, 3), kind), RGB, more={259: ("H", number)}), f"is compressed by {name}, which")
            for number, name in ((34712, "JPEG 2000"), (50001, "WebP"), (50002, "JPEG XL"), (65000, "method 65000"))
            for kind in ("u1", "u2")
        ),
        (page(np.zeros((2, 2, 3), np.uint16), RGB, more={258: ("H", (12,) * 3), 259: ("H", 7)}), "JPEG with 12 bits"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_reason(tmp_path: Path, made: Page, reason: str) -> None:
    assert re.search(reason, refusal(tmp_path, made))


@pytest.mark.parametrize(("tag", "name"), [(256, "ImageWidth"), (262, "PhotometricInterpretation")])
def test_a_missing_tag_is_named(tmp_path: Path, tag: int, name: str) -> None:
    tags, strip = page(np.zeros((2, 2, 3), np.uint8), RGB)
    (tmp_path / "a.tif").write_bytes(tiff(({key: value for key, value in tags.items() if key != tag}, strip)))
    with pytest.raises(ImageError, match=f"lacks its {name}"):
        image.read(tmp_path / "a.tif")


# ----------------------------------------------------------------------------------------------------------- pages


def small(dtype: type = np.uint8, **kind: int) -> Page:
    """A page that is not the picture: NewSubfileType or the tag that is given."""
    more = {int(tag.lstrip("t")): ("I", value) for tag, value in kind.items()}
    return page(np.zeros((2, 3, 3), dtype), RGB, more=more)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize(
    "other", [small(t254=1), small(t254=4), small(t254=5), small(t255=2), small(np.uint16, t254=1)]
)
@pytest.mark.parametrize("first", [False, True])
def test_thumbnails_overviews_and_masks_are_passed_over(
    tmp_path: Path, first: bool, other: Page, big: bool, dtype: type
) -> None:
    samples = numbers(3, 8 * np.dtype(dtype).itemsize).astype(dtype)
    full = page(samples, RGB, more={270: ("s", b"the picture\0")})
    picture = read(tmp_path, *((other, full) if first else (full, other, other)), big=big)
    np.testing.assert_array_equal(picture.rgb, samples / np.float32(np.iinfo(dtype).max))
    exif = Image.Exif()
    exif.load(picture.metadata.exif or b"")
    assert exif[270] == "the picture"


def test_a_mask_by_its_colour_model_is_passed_over(tmp_path: Path) -> None:
    samples = numbers(1, 8).astype(np.uint8)
    picture = read(tmp_path, page(samples, GREY), page(np.zeros((3, 5, 1), np.int64), MASK, 1))
    np.testing.assert_array_equal(picture.rgb[..., 0], samples[..., 0] / np.float32(255))


def test_several_pages_are_refused(tmp_path: Path) -> None:
    pages = [page(numbers(1, 8).astype(np.uint8), GREY) for _ in range(3)]
    assert "3 pictures (several pages)" in refusal(tmp_path, *pages)


def test_a_picture_inside_a_thumbnail_is_refused(tmp_path: Path) -> None:
    assert "raw camera files" in refusal(tmp_path, small(t254=1, t330=8))


def test_a_circle_of_pages_ends(tmp_path: Path) -> None:
    data = bytearray(tiff(page(numbers(1, 8).astype(np.uint8), GREY)))
    start = int.from_bytes(data[4:8], "little")
    link = start + 2 + 12 * int.from_bytes(data[start : start + 2], "little")
    data[link : link + 4] = data[4:8]
    (tmp_path / "a.tif").write_bytes(data)
    assert image.read(tmp_path / "a.tif").size == (3, 5)


def test_a_file_without_pages(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(b"II*\0" + bytes(4))
    with pytest.raises(ImageError, match="no directory"):
        image.read(tmp_path / "a.tif")


@pytest.mark.parametrize(
    ("tag", "kind", "values"), [(301, "H", range(768)), (319, "F", (7, 10, 3, 10, 2, 10, 7, 10, 1, 8, 0, 1))]
)
def test_tags_that_tell_colours_are_kept_and_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, tag: int, kind: str, values: Any
) -> None:
    picture = read(tmp_path, page(np.zeros((2, 2, 3), np.uint8), RGB, more={tag: (kind, tuple(values))}))
    assert "its colours are told by" in caplog.text
    for suffix in (".png", ".tif"):
        image.write(tmp_path / f"b{suffix}", picture)
        with Image.open(tmp_path / f"b{suffix}") as file:
            assert len(file.getexif()[tag]) == (768 if tag == 301 else 6)
