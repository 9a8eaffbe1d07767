"""LR pictures as phones and the web have them: blurred, noisy, compressed, reduced by another filter.

A smaller form of the degradation model of BSRGAN (Zhang et al., "Designing a Practical Degradation Model for Deep Blind
Image Super-Resolution", ICCV 2021, section 3): each picture gets some of blur, noise and a sensor's noise, in this
order. It is reduced at a random place among these steps, and in the end often compressed by JPEG, as a file that
somebody downloads is.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageFilter

Step = Callable[[Image.Image], Image.Image]
FILTERS = (Image.Resampling.BOX, Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS)


MOST_BLUR = 1.2
"""Standard deviation of the Gaussian, in LR pixels; it is drawn uniformly up to this, and so are the next ones."""
MOST_NOISE = 12
"""Standard deviation of the noise that is equal everywhere, of 255."""
MOST_SHOT = 10
"""Standard deviation of the noise of a sensor at white, of 255; it falls with the root of the light."""
QUALITIES = (40, 95)
"""Lowest and highest quality of JPEG."""
SHARE = 0.6
"""Probability of each step."""


def degrade(picture: Image.Image, scale: int, generator: np.random.Generator) -> Image.Image:
    """Reduce an HR picture to an LR one with random damage.

    Args:
        picture: HR, RGB; its sides are multiples of the scale.
        scale: how much larger HR is than LR.
        generator: source of randomness: the same state gives the same picture.

    Returns:
        The LR picture, RGB.
    """
    small = (picture.width // scale, picture.height // scale)
    reduction = FILTERS[generator.integers(len(FILTERS))]
    blur, noise, shot = (generator.uniform(0, limit) for limit in (MOST_BLUR, MOST_NOISE, MOST_SHOT))
    quality = int(generator.integers(QUALITIES[0], QUALITIES[1] + 1))
    optional: list[Step] = [
        lambda now: gaussian_blur(now, blur * now.width / small[0]),
        lambda now: gaussian_noise(now, noise, generator),
        lambda now: shot_noise(now, shot, generator),
    ]
    steps: list[Step] = [step for step in optional if generator.random() < SHARE]
    steps.insert(int(generator.integers(len(steps) + 1)), lambda now: now.resize(small, reduction))
    for step in steps:
        picture = step(picture)
    return jpeg(picture, quality) if generator.random() < SHARE else picture


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
