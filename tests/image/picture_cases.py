"""Pictures for the tests of reading and writing."""

from __future__ import annotations

import struct
import tempfile
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from PIL import Image, ImageCms

from amsr_deploy.image import Layout, Metadata, Picture, StripWriter

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
GREY_PROFILE = SRGB[:16] + b"GRAY" + SRGB[20:]


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
        layout = Layout(samples.shape[:2], samples.shape[2], samples.itemsize * 8, metadata)
        with StripWriter(path, layout) as writer:
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


def chunk(kind: bytes, body: bytes, damaged: bool = False) -> bytes:
    """Make a part of a PNG."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body) ^ damaged)


def smooth(channels: int = 3, bits: int = 8) -> Picture:
    """Make ramps, which lossy formats keep well."""
    ramp = np.linspace(0, 1, 40, dtype=np.float32)
    planes = [np.tile(ramp, (30, 1)), np.full((30, 40), 0.5, np.float32), np.tile(1 - ramp, (30, 1))]
    rgb = np.stack(planes if channels >= 3 else planes[:1] * 3, axis=2)
    alpha = planes[2] if channels in (2, 4) else None
    peak = 2**bits - 1
    return Picture(np.rint(rgb * peak) / np.float32(peak), alpha, grey=channels < 3, bits=16 if bits == 16 else 8)


def noise(dtype: type = np.uint8) -> Picture:
    """Make a picture that no format makes small."""
    samples = np.random.default_rng(0).integers(0, np.iinfo(dtype).max + 1, (30, 40, 3), dtype=dtype)
    return Picture(samples / np.float32(np.iinfo(dtype).max), bits=8 if dtype == np.uint8 else 16)
