"""LR pictures as phones and the web have them: blurred, noisy, compressed, reduced by another filter.

A smaller form of the degradation model of BSRGAN (Zhang et al., "Designing a Practical Degradation Model for Deep Blind
Image Super-Resolution", ICCV 2021, section 3): each picture gets some of the steps below in a random order, and JPEG
compression at the end, as a file that somebody downloads has.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

Step = Callable[[Image.Image], Image.Image]
FILTERS = (Image.Resampling.BOX, Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS)


@dataclass(frozen=True)
class Severity:
    """How strong the steps may be. Each strength is drawn uniformly up to the one given here.

    Attributes:
        blur: standard deviation of the Gaussian, in LR pixels.
        noise: standard deviation of the noise that is equal everywhere, of 255.
        shot: standard deviation of the noise of a sensor at white, of 255; it falls with the root of the light.
        quality: lowest and highest quality of JPEG.
        share: probability of each step.
    """

    blur: float
    noise: float
    shot: float
    quality: tuple[int, int]
    share: float


MILD_TO_MIDDLE = Severity(blur=1.2, noise=12, shot=10, quality=(40, 95), share=0.6)
"""What the weights for photos are trained on."""


def degrade(
    picture: Image.Image, scale: int, generator: np.random.Generator, severity: Severity = MILD_TO_MIDDLE
) -> Image.Image:
    """Reduce an HR picture to an LR one with random damage.

    Args:
        picture: HR, RGB; its sides are multiples of the scale.
        scale: how much larger HR is than LR.
        generator: source of randomness: the same state gives the same picture.
        severity: how strong the damage may be.

    Returns:
        The LR picture, RGB.
    """
    small = (picture.width // scale, picture.height // scale)
    reduction = FILTERS[generator.integers(len(FILTERS))]
    blur, noise, shot = (generator.uniform(0, limit) for limit in (severity.blur, severity.noise, severity.shot))
    quality = int(generator.integers(severity.quality[0], severity.quality[1] + 1))
    optional: list[Step] = [
        lambda now: gaussian_blur(now, blur * now.width / small[0]),
        lambda now: gaussian_noise(now, noise, generator),
        lambda now: shot_noise(now, shot, generator),
    ]
    steps: list[Step] = [step for step in optional if generator.random() < severity.share]
    steps.insert(int(generator.integers(len(steps) + 1)), lambda now: now.resize(small, reduction))
    for step in steps:
        picture = step(picture)
    return jpeg(picture, quality) if generator.random() < severity.share else picture


def damage_of(content: bytes) -> np.random.Generator:
    """Make the source of a picture's damage from the content of its file: the same file gets the same damage."""
    return np.random.default_rng(list(hashlib.sha256(content).digest()))


def gaussian_blur(picture: Image.Image, sigma: float) -> Image.Image:
    """Blur by a Gaussian of a standard deviation in pixels."""
    return picture.filter(ImageFilter.GaussianBlur(sigma))


def gaussian_noise(picture: Image.Image, sigma: float, generator: np.random.Generator) -> Image.Image:
    """Add noise of a standard deviation of 255, by turns the same in all colours and another one in each."""
    pixels = np.asarray(picture, dtype=np.float32)
    colours = generator.choice([1, 3])
    noise = generator.standard_normal((*pixels.shape[:2], colours), dtype=np.float32)
    return _to_picture(pixels + np.float32(sigma) * noise)


def shot_noise(picture: Image.Image, sigma: float, generator: np.random.Generator) -> Image.Image:
    """Add the noise of a sensor, whose variance grows with the light: sigma, of 255, is its deviation at white."""
    pixels = np.asarray(picture, dtype=np.float32)
    noise = generator.standard_normal(pixels.shape, dtype=np.float32)
    return _to_picture(pixels + np.float32(sigma) * np.sqrt(pixels / 255) * noise)


def jpeg(picture: Image.Image, quality: int) -> Image.Image:
    """Compress by JPEG and decode again."""
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=quality)
    return Image.open(file).convert("RGB")


def _to_picture(pixels: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> Image.Image:
    return Image.fromarray(np.rint(pixels).clip(0, 255).astype(np.uint8))
