"""Pixels through Pillow and OpenImageIO, each for what it reads right."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from PIL import Image

from amsr_deploy.errors import ImageError
from amsr_deploy.image.pillow import stored_samples
from amsr_deploy.image.source import Source

_CANNOT = ("can not handle", "not implemented", "No support for")
"""What OpenImageIO says of sound files that it does not read."""


@dataclass(frozen=True)
class Deep:
    """What OpenImageIO reads.

    Attributes:
        samples: [H, W, C] as they are stored; unusual depths are stretched to the next of 8 and 16 bits.
        profile: the colour profile.
    """

    samples: NDArray[Any]
    profile: bytes | None


def check_pixels(size: tuple[int, int]) -> None:
    """Refuse what Pillow would: pictures that may be made to fill the memory.

    Raises:
        Image.DecompressionBombError: more than twice Pillow's limit.
    """
    if Image.MAX_IMAGE_PIXELS and size[0] * size[1] > 2 * Image.MAX_IMAGE_PIXELS:
        raise Image.DecompressionBombError


def to_stored_mode(image: Image.Image, source: Source) -> NDArray[Any]:
    """Return the samples of any mode of Pillow with 8 bits as grey, grey + alpha, RGB or RGB + alpha."""
    if image.mode in ("I", "F") or image.mode.startswith("I;"):
        raise ImageError(f"{source.path} has samples of mode {image.mode}; save it with 8 or 16 bits per channel")
    return stored_samples(image, source.warn)


def decode_deep(path: Path, source: Source, subimage: int = 0, raw_colour: bool = True) -> Deep:
    """Read samples as they are stored, not multiplied or divided by alpha.

    Args:
        path: a name that the library takes.
        source: for messages.
        subimage: which picture of the file.
        raw_colour: leave colour models other than RGB as they are.

    Raises:
        ImageError: a damaged file, or a compression that is not known.
    """
    import OpenImageIO as oiio  # noqa: N813  # here, because only pictures that need it shall pay for loading it

    as_stored = oiio.ImageSpec()
    as_stored["oiio:UnassociatedAlpha"] = 1
    as_stored["oiio:RawColor"] = int(raw_colour)
    reader = oiio.ImageInput.open(str(path), as_stored)
    if reader is None:
        raise _unreadable(source, oiio.geterror())
    if subimage and not reader.seek_subimage(subimage, 0):
        raise _unreadable(source, reader.geterror())
    spec = reader.spec()
    check_pixels((spec.width, spec.height))
    samples = reader.read_image(str(spec.format))
    if samples is None or reader.has_error:
        raise _unreadable(source, reader.geterror())
    profile = spec.getattribute("ICCProfile")
    return Deep(samples, None if profile is None else bytes(profile))


def _unreadable(source: Source, message: str) -> ImageError:
    reason = message.strip().partition("\n")[0]
    if "not configured" in reason:
        kind = reason.split(" compression")[0].split()[-1]
        return ImageError(
            f"{source.path} is compressed by {kind}, which cannot be read here; save it with Deflate or LZW"
        )
    if any(words in reason for words in _CANNOT):
        return ImageError(f"{source.path} is stored in a way that cannot be read here ({reason}); save it as RGB")
    return ImageError(f"{source.path} is damaged or cut off ({reason}); copy or export it again")
