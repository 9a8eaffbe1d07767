"""PNG and TIFF with 16 bits per channel, which Pillow cannot hold in colour."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2
from PIL.TiffTags import LONG

from amsr_deploy.errors import ImageError
from amsr_deploy.image.exif import tags as exif_tags

Samples = NDArray[np.uint8] | NDArray[np.uint16]

# Noise fills the low bytes of 16-bit photos: higher levels take three times as long for 2 % smaller files.
_DEFLATE_LEVEL = 1
_STRIP_BYTES = 1 << 20
_PNG_COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}
_MAX_TIFF_BYTES = 2**32 - 1


def decode(path: Path) -> tuple[NDArray[np.uint16], bool]:
    """The samples of a 16-bit PNG or TIFF as they are stored, and whether they are premultiplied by alpha.

    Returns:
        [H, W, C] uint16; C is 1 (grey), 2 (grey, alpha), 3 (RGB) or 4 (RGB, alpha). Depths of 9 to 15 bits are
        stretched to 16.

    Raises:
        ImageError: a damaged file, or samples that are not unsigned 16-bit numbers.
    """
    import OpenImageIO as oiio  # noqa: N813  # here, because only deep pictures shall pay for loading it

    as_stored = oiio.ImageSpec()
    as_stored["oiio:UnassociatedAlpha"] = 1
    source = oiio.ImageInput.open(str(path), as_stored)
    if source is None:
        raise ImageError(f"{path} is damaged ({_first_line(oiio.geterror())}); copy or export it again")
    spec = source.spec()
    if str(spec.format) != "uint16":
        raise ImageError(f"{path} has samples of type {spec.format}; save it with 8 or 16 bits per channel")
    samples = source.read_image("uint16")
    if samples is None or source.has_error:
        raise ImageError(f"{path} is damaged or cut off ({_first_line(source.geterror())}); copy or export it again")
    if source.seek_subimage(1, 0):
        raise ImageError(f"{path} holds several pictures; split it into single ones")
    channels = [0, 1, 2] if spec.nchannels >= 3 else [0]
    if spec.alpha_channel >= 0:
        channels.append(spec.alpha_channel)
    premultiplied = spec.alpha_channel >= 0 and not spec.get_int_attribute("oiio:UnassociatedAlpha")
    return np.ascontiguousarray(samples[..., channels]), premultiplied


def _first_line(message: str) -> str:
    return message.strip().partition("\n")[0]


def encode_png(samples: Samples, icc_profile: bytes | None, exif: bytes | None) -> bytes:
    """A PNG of [H, W, C] samples with its metadata unchanged; C as in `decode`."""
    height, width, channels = samples.shape
    file = io.BytesIO()
    file.write(b"\x89PNG\r\n\x1a\n")
    depth = samples.itemsize * 8
    _write_chunk(file, b"IHDR", struct.pack(">2I5B", width, height, depth, _PNG_COLOUR_TYPES[channels], 0, 0, 0))
    if icc_profile:
        _write_chunk(file, b"iCCP", b"ICC profile\0\0" + zlib.compress(icc_profile))
    if exif:
        _write_chunk(file, b"eXIf", exif.removeprefix(b"Exif\0\0"))
    stream = zlib.compressobj(_DEFLATE_LEVEL)
    for strip in _strips(samples):
        _write_chunk(file, b"IDAT", stream.compress(_subtract_left(strip)))
    _write_chunk(file, b"IDAT", stream.flush())
    _write_chunk(file, b"IEND", b"")
    return file.getvalue()


def _write_chunk(file: io.BytesIO, kind: bytes, data: bytes) -> None:
    file.write(struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)))


def _subtract_left(strip: Samples) -> bytes:
    """Rows of PNG bytes, each under the filter Sub (type 1)."""
    rows = strip.astype(strip.dtype.newbyteorder(">")).view(np.uint8).reshape(len(strip), -1)
    pixel = strip.shape[2] * strip.itemsize
    filtered = np.ones((rows.shape[0], 1 + rows.shape[1]), dtype=np.uint8)
    filtered[:, 1:] = rows
    filtered[:, 1 + pixel :] -= rows[:, :-pixel]
    return filtered.tobytes()


def encode_tiff(samples: Samples, icc_profile: bytes | None, exif: bytes | None) -> bytes:
    """A Deflate-compressed TIFF of [H, W, C] samples with its metadata; C as in `decode`.

    Raises:
        ValueError: more than the 4 GiB that a TIFF can address.
    """
    height, width, channels = samples.shape
    strips = [zlib.compress(_difference(strip), _DEFLATE_LEVEL) for strip in _strips(samples)]
    sizes = [len(strip) for strip in strips]
    tags = ImageFileDirectory_v2(prefix=b"II")
    if exif:
        source = Image.Exif()
        source.load(exif)
        for tag, value in exif_tags(source).items():
            tags[tag] = value
    tags[256], tags[257] = width, height
    tags[258] = (samples.itemsize * 8,) * channels
    tags[259], tags[317] = 8, 2  # Deflate after horizontal differences
    tags[262] = 2 if channels >= 3 else 1
    tags[277], tags[278] = channels, _strip_rows(samples)
    tags.tagtype[273] = tags.tagtype[279] = LONG
    tags[273] = tuple(int(end) - size for end, size in zip(np.cumsum(sizes), sizes, strict=True))
    tags[279] = tuple(sizes)
    if channels in (2, 4):
        tags[338] = (2,)  # alpha, not premultiplied
    if icc_profile:
        tags[34675] = icc_profile
    if sum(sizes) + len(icc_profile or b"") + len(exif or b"") + 64 * len(sizes) > _MAX_TIFF_BYTES:
        raise ValueError("more than the 4 GiB that a TIFF can hold")
    file = io.BytesIO()
    tags.save(file)
    file.writelines(strips)
    return file.getvalue()


def _difference(strip: Samples) -> bytes:
    """Rows of little-endian samples minus the pixel on their left (TIFF predictor 2)."""
    rows = strip.astype(strip.dtype.newbyteorder("<"))
    rows[:, 1:] -= strip[:, :-1]
    return rows.tobytes()


def _strips(samples: Samples) -> Iterator[Samples]:
    rows = _strip_rows(samples)
    for top in range(0, len(samples), rows):
        yield samples[top : top + rows]


def _strip_rows(samples: Samples) -> int:
    return max(1, _STRIP_BYTES // int(samples[0].nbytes))
