"""Colours of CMYK and Lab pictures as sRGB."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

_WHITE_D50 = np.array([0.96422, 1, 0.82521])
# From XYZ under D50 to linear sRGB, with the Bradford adaptation to D65 in it.
_XYZ_TO_SRGB = np.array(
    [[3.1338561, -1.6168667, -0.4906146], [-0.9787684, 1.9161415, 0.0334540], [0.0719453, -0.2289914, 1.4052427]]
)


def cmyk_to_srgb(image: Image.Image, warn: Callable[[str], object]) -> Image.Image:
    """Convert through the image's profile, or by the plain formula where it has none that can be used."""
    profile = image.info.get("icc_profile")
    if profile is None:
        return image.convert("RGB")
    try:
        converted = ImageCms.profileToProfile(
            image,
            ImageCms.ImageCmsProfile(io.BytesIO(profile)),
            ImageCms.createProfile("sRGB"),
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            outputMode="RGB",
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except (ImageCms.PyCMSError, OSError) as error:
        warn(f"its CMYK profile cannot be used ({error}); colours are approximate")
        return image.convert("RGB")
    return cast(Image.Image, converted)


def lab_to_srgb(lab: NDArray[np.float32]) -> NDArray[np.float32]:
    """Convert L* (0 to 100), a* and b* under D50, [H, W, 3], to sRGB in [0, 1]; other colours are clipped."""
    lightness, a, b = np.moveaxis(lab.astype(np.float64), 2, 0)
    middle = (lightness + 16) / 116
    roots = np.stack([middle + a / 500, middle, middle - b / 200], axis=2)
    xyz = np.where(roots > 6 / 29, roots**3, (roots - 4 / 29) * 3 * (6 / 29) ** 2) * _WHITE_D50
    linear = np.clip(xyz @ _XYZ_TO_SRGB.T, 0, 1)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055).astype(np.float32)


def decode_lab(samples: NDArray[Any], signed: bool) -> NDArray[np.float32]:
    """Return L* (0 to 100), a* and b* of Lab samples in a TIFF.

    Args:
        samples: [H, W, 3] uint8 or uint16.
        signed: whether a* and b* are stored as signed numbers (CIELab), else with an offset (ICCLab).
    """
    deep = samples.dtype == np.uint16
    unit = 256 if deep else 1
    white = 65280 if deep and not signed else np.iinfo(samples.dtype).max
    lightness = samples[..., :1].astype(np.float32) * (np.float32(100) / np.float32(white))
    chroma = samples[..., 1:3]
    if signed:
        chroma = chroma.view(np.int16 if deep else np.int8)
    offset = 0 if signed else 128
    return np.concatenate([lightness, chroma.astype(np.float32) / unit - offset], axis=2)
