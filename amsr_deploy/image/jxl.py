"""JPEG XL through OpenImageIO, which keeps 16 bits and the colour profile, and the container that keeps EXIF."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from amsr_deploy.dependencies import install_command
from amsr_deploy.errors import ImageError
from amsr_deploy.image import boxes, jxl_header
from amsr_deploy.image.colour import check_profile
from amsr_deploy.image.decoders import decode_deep
from amsr_deploy.image.picture import Metadata
from amsr_deploy.image.samples import Samples, to_picture
from amsr_deploy.image.source import Source
from amsr_deploy.image.stored import Stored

SIGNATURES = (b"\xff\x0a", b"\0\0\0\x0cJXL ")

_LEAST_BYTES = 128
"""What OpenImageIO reads to see that a file is JPEG XL; it refuses shorter ones."""
_NAMES = {b"Exif": "EXIF", b"xml ": "XMP"}


def read_jxl(source: Source) -> Stored:
    """Read a JPEG XL, which is upright whatever its EXIF says.

    Raises:
        ImageError: a file that is damaged or too large, an animation, or one that has floating-point samples; see
            `check_support`.
    """
    check_support(source.path)
    data = source.data()
    if jxl_header.is_animation(boxes.jxl_codestream(data)):
        raise ImageError(f"{source.path} holds an animation; split it into single pictures")
    for kind in sorted(boxes.packed_only(data) & set(_NAMES)):
        source.warn(f"its {_NAMES[kind]} is compressed by Brotli, which cannot be read, and dropped")
    with source.plain_path(".jxl", _LEAST_BYTES) as path:
        deep = decode_deep(path, source)
    if deep.samples.dtype not in (np.uint8, np.uint16):
        raise ImageError(
            f"{source.path} has samples of type {deep.samples.dtype}; save it with 8 or 16 bits per channel"
        )
    metadata = Metadata(icc_profile=check_profile(deep.profile, source), xmp=boxes.first(data, b"xml "))
    return Stored(to_picture(deep.samples, metadata), lambda: _exif(data), turned=True)


def _exif(data: bytes) -> Image.Exif:
    exif = Image.Exif()
    exif.load(boxes.jxl_exif(data) or b"")
    return exif


def check_support(path: Path | str) -> None:
    """Check that OpenImageIO knows JPEG XL, which its wheels do and some systems' packages do not.

    Raises:
        ImageError: it does not.
    """
    import OpenImageIO as oiio  # noqa: N813

    if "jpegxl" not in oiio.get_string_attribute("format_list").split(","):
        again = install_command("OpenImageIO", None)
        raise ImageError(f"{path}: this build of OpenImageIO has no JPEG XL; use another format, or run: {again}")


def encode_jxl(samples: Samples, quality: int, metadata: Metadata) -> bytes:
    """Encode samples [H, W, 3 or 4] with profile, EXIF and XMP; quality 100 keeps every sample.

    Raises:
        ValueError: the library cannot.
    """
    import OpenImageIO as oiio  # noqa: N813

    height, width, channels = samples.shape
    spec = oiio.ImageSpec(width, height, channels, samples.dtype.name)
    if channels == 4:
        spec.alpha_channel = 3
        spec["oiio:UnassociatedAlpha"] = 1
    spec["compression"] = f"jpegxl:{quality}"
    if icc_profile := metadata.icc_profile:
        spec.attribute("ICCProfile", oiio.TypeDesc(f"uint8[{len(icc_profile)}]"), np.frombuffer(icc_profile, np.uint8))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "picture.jxl")
        writer = oiio.ImageOutput.create(str(path))
        if writer is None:
            raise ValueError(oiio.geterror())
        if not (writer.open(str(path), spec) and writer.write_image(samples) and writer.close()):
            raise ValueError(writer.geterror())
        data = path.read_bytes()
    return boxes.jxl_with(data, metadata.exif and metadata.exif.removeprefix(b"Exif\0\0"), metadata.xmp)
