"""Reading, upscaling and writing pictures so that nothing but their size changes."""

from __future__ import annotations

import io
import logging
import os
import struct
import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageCms, UnidentifiedImageError
from PIL.TiffImagePlugin import TiffImageFile

from amsr_deploy.errors import ImageError, UserError
from amsr_deploy.files import replacing
from amsr_deploy.image import alpha as transparency
from amsr_deploy.image import exif, png_tiff
from amsr_deploy.image.png_tiff import Samples

StrPath = str | os.PathLike[str]
Network = Callable[[NDArray[np.float32]], NDArray[np.float32]]

_STRIP_ROWS = 256
_TINT = np.array([1, 0, 0.5], dtype=np.float32)

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Picture:
    """A picture, upright, with what is needed to write it back the way it came.

    Attributes:
        rgb: [H, W, 3] float32 in [0, 1], not premultiplied; three equal channels where the picture is grey.
        alpha: [H, W] float32 in [0, 1], 1 = opaque; None where the picture has none.
        grey: whether it is stored with one channel.
        bits: depth of a channel in the file.
        icc_profile: the colour profile of rgb, byte for byte as in the file.
        exif: EXIF data without orientation and thumbnail; its sizes are set on writing.
    """

    rgb: NDArray[np.float32]
    alpha: NDArray[np.float32] | None = None
    grey: bool = False
    bits: Literal[8, 16] = 8
    icc_profile: bytes | None = None
    exif: bytes | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        height, width = self.rgb.shape[:2]
        return height, width


@dataclass(frozen=True)
class Format:
    """What a file format can hold, and how it is written."""

    name: str
    """Pillow's name."""
    alpha: bool = True
    bits: Literal[8, 16] = 8
    grey: bool = True
    metadata: bool = True
    """Whether it holds colour profiles and EXIF."""
    max_side: int = 2**31 - 1
    options: dict[str, Any] = field(default_factory=dict)
    """Pillow's options for saving."""


# PNG level 1 writes five times as fast as Pillow's default of 6; the files are a quarter larger.
_PNG = Format("PNG", bits=16, options={"compress_level": 1})
_JPEG = Format("JPEG", alpha=False, max_side=65500, options={"quality": 95, "subsampling": "4:4:4"})
_WEBP = Format("WEBP", grey=False, max_side=16383, options={"quality": 95})
_TIFF = Format("TIFF", bits=16)
_BMP = Format("BMP", alpha=False, metadata=False)
FORMATS: dict[str, Format] = {
    ".png": _PNG,
    ".jpg": _JPEG,
    ".jpeg": _JPEG,
    ".webp": _WEBP,
    ".tif": _TIFF,
    ".tiff": _TIFF,
    ".bmp": _BMP,
}
"""Formats by the suffix of the file name."""


@dataclass(frozen=True)
class _Metadata:
    orientation: int = 1
    icc_profile: bytes | None = None
    exif: bytes | None = None


def read(path: StrPath) -> Picture:
    """Read a PNG, JPEG, WebP, TIFF or BMP picture.

    EXIF orientation is applied, palettes are expanded, CMYK and Lab are converted to sRGB.

    Raises:
        ImageError: a file that is missing, damaged, too large, of another format, or that holds several pictures.
    """
    path = Path(path)
    with _reading(path):
        try:
            image = Image.open(path, formats=sorted({file_format.name for file_format in FORMATS.values()}))
        except UnidentifiedImageError:
            return _read_unusual_tiff(path)
        with image:
            _check_single(image, path)
            deep = _is_deep(image, path)
            if image.format == "PNG":
                image.load()  # EXIF may stand after the pixels
            metadata = _read_metadata(image.getexif, image.info.get("icc_profile"), path)
            if deep:
                photometric = image.tag_v2.get(262, 1) if isinstance(image, TiffImageFile) else 1
                return _read_deep(path, photometric, metadata)
            image.load()
            if image.format == "TIFF":
                metadata = replace(metadata, orientation=1)  # Pillow has turned it
            if image.mode in ("CMYK", "LAB"):
                metadata = replace(metadata, icc_profile=None)  # the pixels become sRGB
            return _to_picture(np.asarray(_to_stored_mode(image, path)), metadata)


def _read_metadata(load_exif: Callable[[], Image.Exif], icc_profile: bytes | None, path: Path) -> _Metadata:
    metadata = _Metadata(icc_profile=icc_profile)
    try:
        source = load_exif()
        metadata = replace(metadata, orientation=source.get(ExifTags.Base.Orientation, 1))
        return replace(metadata, exif=exif.upright(source))
    except Exception as error:  # Pillow raises many types on damaged EXIF, which must not cost the picture
        _log.warning("%s: its EXIF data is damaged and dropped (%s)", path, error)
        return metadata


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Whatever goes wrong while reading becomes one clear line, and so do Pillow's warnings."""
    if path.is_dir():
        raise ImageError(f"{path} is a folder; give a picture")
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield
        for message in dict.fromkeys(
            str(w.message) for w in caught if w.category is not Image.DecompressionBombWarning
        ):
            _log.warning("%s: %s", path, message)
    except ImageError:
        raise
    except FileNotFoundError as error:
        raise ImageError(f"{path} does not exist; check the name") from error
    except PermissionError as error:
        raise ImageError(f"{path} may not be read; check its permissions") from error
    except Image.DecompressionBombError as error:
        limit = 2 * (Image.MAX_IMAGE_PIXELS or 0) // 10**6
        raise ImageError(f"{path} has more than {limit} million pixels; cut it into parts") from error
    except MemoryError as error:
        raise ImageError(f"{path} does not fit in memory; cut it into parts") from error
    except (OSError, SyntaxError, ValueError, KeyError, TypeError, EOFError, struct.error, zlib.error) as error:
        raise ImageError(f"{path} is damaged or cut off ({error}); copy or export it again") from error


def _check_single(image: Image.Image, path: Path) -> None:
    """Raises ImageError for animations and documents; the further pictures of a phone's JPEG only serve the first."""
    frames = getattr(image, "n_frames", 1)
    if frames > 1 and image.format != "MPO":
        raise ImageError(f"{path} holds {frames} pictures (an animation or several pages); split it into single ones")


def _is_deep(image: Image.Image, path: Path) -> bool:
    """Whether the file has more than 8 bits per channel, whatever mode Pillow would squeeze it into."""
    if isinstance(image, TiffImageFile):
        deep = bool(max(image.tag_v2.get(258, (1,))) > 8)
        if deep and image.mode == "CMYK":
            _log.warning("%s: CMYK with 16 bits per channel is read with 8", path)
            return False
        return deep
    with path.open("rb") as file:
        return image.format == "PNG" and file.read(25)[24] == 16


def _read_unusual_tiff(path: Path) -> Picture:
    """TIFF layouts that Pillow does not know, such as grey with alpha at 16 bits."""
    with path.open("rb") as file:
        if file.read(4) not in (b"II*\0", b"MM\0*"):
            state = "is not a picture in a known format" if file.seek(0, os.SEEK_END) else "is empty (0 bytes)"
            raise ImageError(f"{path} {state}; give a PNG, JPEG, WebP, TIFF or BMP file")
        file.seek(0)
        tags = Image.Exif()
        tags.load_from_fp(file)
        if Image.MAX_IMAGE_PIXELS and tags[256] * tags[257] > 2 * Image.MAX_IMAGE_PIXELS:
            raise Image.DecompressionBombError
        metadata = _read_metadata(lambda: tags, tags.get(34675), path)
        photometric = tags[262]
    return _read_deep(path, photometric, metadata)


def _read_deep(path: Path, photometric: int, metadata: _Metadata) -> Picture:
    if photometric not in (0, 1, 2):
        raise ImageError(f"{path} has a colour model that cannot be read with 16 bits; save it as RGB")
    samples, premultiplied = png_tiff.decode(path)
    if photometric == 0:  # white is zero
        samples[..., 0] = 65535 - samples[..., 0]
    picture = _to_picture(samples, metadata)
    if premultiplied and picture.alpha is not None:
        picture = replace(picture, rgb=np.minimum(transparency.unpremultiply(picture.rgb, picture.alpha), 1))
    return picture


def _to_stored_mode(image: Image.Image, path: Path) -> Image.Image:
    """Any mode as L, LA, RGB or RGBA."""
    if image.mode in ("I", "F") or image.mode.startswith("I;"):
        raise ImageError(f"{path} has samples of mode {image.mode}; save it with 8 or 16 bits per channel")
    if image.mode == "CMYK":
        return _cmyk_to_srgb(image, path)
    mode = "L" if image.mode in ("1", "L", "LA", "La") else "RGB"
    return image.convert(mode + "A" if image.has_transparency_data else mode)


def _cmyk_to_srgb(image: Image.Image, path: Path) -> Image.Image:
    """Through the file's profile, or by the plain formula where it has none."""
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
        _log.warning("%s: its CMYK profile cannot be used (%s); colours are approximate", path, error)
        return image.convert("RGB")
    return cast(Image.Image, converted)


def _to_picture(samples: Samples, metadata: _Metadata) -> Picture:
    """The picture of [H, W] or [H, W, C] samples, upright; C: grey, grey + alpha, RGB, RGB + alpha."""
    if samples.ndim == 2:
        samples = samples[..., None]
    channels = samples.shape[2]
    peak = np.float32(np.iinfo(samples.dtype).max)
    upright = _turn(samples, metadata.orientation).astype(np.float32, order="C")
    upright /= peak
    grey = channels <= 2
    return Picture(
        rgb=np.repeat(upright[..., :1], 3, axis=2) if grey else np.ascontiguousarray(upright[..., :3]),
        alpha=np.ascontiguousarray(upright[..., -1]) if channels in (2, 4) else None,
        grey=grey,
        bits=16 if samples.dtype == np.uint16 else 8,
        icc_profile=metadata.icc_profile,
        exif=metadata.exif,
    )


def _turn(samples: Samples, orientation: int) -> Samples:
    """Apply EXIF orientation 1-8 to [H, W, C]; other numbers mean nothing."""
    if orientation in (5, 6, 7, 8):
        samples = samples.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        samples = samples[:, ::-1]
    if orientation in (3, 4, 7, 8):
        samples = samples[::-1]
    return samples


def upscale(picture: Picture, network: Network) -> Picture:
    """Upscale colour and alpha and keep everything else.

    Transparent pixels first take the colour of the visible ones nearby, so that the colour hidden under them leaves no
    fringe; colour stays unpremultiplied, because dividing a network's output by a small alpha would magnify its error.
    Alpha goes through the network too, so that cut-out edges are as sharp as the others.

    Args:
        picture: the small picture.
        network: takes [H, W, 3] float32 in [0, 1], returns [h, w, 3] float32, larger, which this function may change.
    """
    colour = picture.rgb if picture.alpha is None else transparency.fill(picture.rgb, picture.alpha)
    rgb = network(colour)
    np.clip(rgb, 0, 1, out=rgb)
    if picture.grey:
        rgb = _grey(rgb.mean(axis=2))
    size = rgb.shape[0], rgb.shape[1]
    alpha = None if picture.alpha is None else _upscale_alpha(picture.alpha, network, size)
    return replace(picture, rgb=rgb, alpha=alpha)


def _upscale_alpha(alpha: NDArray[np.float32], network: Network, size: tuple[int, int]) -> NDArray[np.float32]:
    low, high = transparency.limits(alpha, size)
    if np.array_equal(low, high):
        return low
    return np.asarray(np.clip(network(_grey(alpha)).mean(axis=2), low, high))


def _grey(plane: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.repeat(plane[..., None], 3, axis=2)


def check_output(path: StrPath, picture: Picture, size: tuple[int, int] | None = None) -> None:
    """Raises ImageError where the picture, with another height and width, could not be written; warns of what it loses.

    To be called before the upscaling: `write` would find out after it, and does not warn.
    """
    path = Path(path)
    file_format = _check_fit(path, picture, size or picture.size)
    if picture.bits > file_format.bits:
        _log.warning("%s: %s rounds 16 bits to 8; use %s to keep them", path, file_format.name, _suffixes("bits", 16))
    if (picture.icc_profile or picture.exif) and not file_format.metadata:
        _log.warning("%s: %s drops the colour profile and EXIF; use .png to keep them", path, file_format.name)


def _check_fit(path: Path, picture: Picture, size: tuple[int, int]) -> Format:
    """The format that is going to hold a picture of that size; raises ImageError where it cannot."""
    file_format = check_writable(path)
    if picture.alpha is not None and not file_format.alpha:
        raise ImageError(f"{path}: {file_format.name} cannot hold transparency; use {_suffixes('alpha', True)}")
    longest = max(size)
    if longest > file_format.max_side:
        raise ImageError(
            f"{path}: {file_format.name} ends at {file_format.max_side} pixels a side, not {longest}; use .png, .tif"
        )
    return file_format


def check_writable(path: Path) -> Format:
    """The format of a picture file that can be written.

    Raises:
        ImageError: an unknown suffix, a folder in its place, no folder to hold it, or one that may not be written.
    """
    file_format = _output_format(path)
    if path.is_dir():
        raise ImageError(f"{path} is a folder; give the name of a picture")
    if not path.parent.is_dir():
        raise ImageError(f"folder {path.parent} does not exist; create it first")
    if not os.access(path.parent, os.W_OK):
        raise ImageError(f"folder {path.parent} may not be written; check its permissions or choose another")
    return file_format


def _output_format(path: Path) -> Format:
    file_format = FORMATS.get(path.suffix.lower())
    if file_format is None:
        raise ImageError(f"{path} does not end in a known suffix; use one of: {', '.join(FORMATS)}")
    return file_format


def _suffixes(ability: str, value: Any) -> str:
    return ", ".join(suffix for suffix, file_format in FORMATS.items() if getattr(file_format, ability) == value)


def write(path: StrPath, picture: Picture) -> None:
    """Write a picture in the format of the name's suffix: all of it or, on failure, nothing.

    Raises:
        ImageError: see `check_output`; a full disk. A file that was there before is then unchanged.
    """
    path = Path(path)
    file_format = _check_fit(path, picture, picture.size)
    try:
        data = _encode(picture, file_format, path)
    except (OSError, ValueError, struct.error, MemoryError) as error:
        raise ImageError(f"{path} cannot be encoded ({error or type(error).__name__}); try another format") from error
    _write_atomically(path, data)


def _encode(picture: Picture, file_format: Format, path: Path) -> bytes:
    samples = _to_samples(picture, file_format)
    profile = picture.icc_profile if file_format.metadata else None
    space = b"GRAY" if samples.shape[2] <= 2 else b"RGB "
    if profile is not None and profile[16:20] != space:
        _log.warning("%s: a colour profile for %s does not fit and is dropped", path, profile[16:20].decode("latin-1"))
        profile = None
    exif_bytes = exif.resized(picture.exif, picture.size) if picture.exif and file_format.metadata else None
    if file_format is _TIFF:
        return png_tiff.encode_tiff(samples, profile, exif_bytes)
    if samples.dtype == np.uint16:
        return png_tiff.encode_png(samples, profile, exif_bytes)
    metadata = {"icc_profile": profile, "exif": exif_bytes}
    file = io.BytesIO()
    image = Image.fromarray(samples if samples.shape[2] > 1 else samples[..., 0])
    image.save(
        file, file_format.name, **file_format.options, **{name: value for name, value in metadata.items() if value}
    )
    return file.getvalue()


def _to_samples(picture: Picture, file_format: Format) -> Samples:
    """[H, W, C] integers; C: grey, grey + alpha, RGB, RGB + alpha. By strips, which spares a second float picture."""
    dtype = np.uint16 if min(picture.bits, file_format.bits) == 16 else np.uint8
    colours = 1 if picture.grey and file_format.grey else 3
    samples = np.empty((*picture.size, colours + (picture.alpha is not None)), dtype=dtype)
    peak = np.float32(np.iinfo(dtype).max)
    for top in range(0, picture.size[0], _STRIP_ROWS):
        rows = slice(top, top + _STRIP_ROWS)
        rgb = picture.rgb[rows]
        colour = rgb.mean(axis=2, keepdims=True) if picture.grey else rgb
        samples[rows, :, :colours] = np.rint(np.clip(colour, 0, 1) * peak)
        if picture.alpha is not None:
            samples[rows, :, -1] = np.rint(np.clip(picture.alpha[rows], 0, 1) * peak)
    return samples


def _write_atomically(path: Path, data: bytes) -> None:
    """A new file with the usual permissions takes the place of the old one when it is complete."""
    try:
        with replacing(path.resolve()) as temporary:  # the place of a link stays
            temporary.write_bytes(data)
    except OSError as error:
        raise ImageError(f"{path} cannot be written ({error.strerror}); free space or choose another folder") from error


def read_mask(path: StrPath, size: tuple[int, int]) -> NDArray[np.bool_]:
    """A mask made by hand: a picture of any mode, white where the network shall work.

    Transparent counts as black, except where the picture has one colour only: then its shape is its alpha.

    Args:
        path: the mask.
        size: height and width of the picture that it is for.

    Returns:
        [H, W] bool.

    Raises:
        ImageError: see `read`.
        UserError: a mask of another size.
    """
    picture = read(path)
    if picture.size != size:
        (height, width), (mask_height, mask_width) = size, picture.size
        raise UserError(
            f"mask {path} has {mask_width} x {mask_height} pixels, the picture {width} x {height}; make them equal"
        )
    white = picture.rgb.mean(axis=2)
    if picture.alpha is not None:
        visible = picture.rgb[picture.alpha > 0]
        one_colour = len(visible) > 0 and picture.alpha.min() < 1 and bool((visible == visible[0]).all())
        white = picture.alpha if one_colour else white * picture.alpha
    return np.asarray(white >= 0.5)


def write_mask(path: StrPath, mask: NDArray[np.bool_]) -> None:
    """Write a mask [H, W] as a grey picture, white where it is true; `read_mask` reads it back.

    Raises:
        ImageError: see `write`.
    """
    write(path, Picture(_grey(mask.astype(np.float32)), grey=True))


def overlay(picture: Picture, mask: NDArray[np.bool_]) -> Picture:
    """The picture in colour, tinted where the mask [H, W] is true."""
    rgb = np.where(mask[..., None], (picture.rgb + _TINT) / 2, picture.rgb)
    profile = None if picture.grey else picture.icc_profile
    return replace(picture, rgb=rgb, grey=False, icc_profile=profile)
