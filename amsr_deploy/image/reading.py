"""Picture files of all formats, read as upright pictures."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from amsr_deploy.dependencies import install_extra
from amsr_deploy.errors import AmsrError, ImageError
from amsr_deploy.files import StrPath
from amsr_deploy.image import boxes, formats, jpeg, jxl, png
from amsr_deploy.image.colour import check_profile, cicp_tags
from amsr_deploy.image.decoder_warnings import caught_warnings
from amsr_deploy.image.decoders import to_stored_mode
from amsr_deploy.image.picture import Metadata, Picture
from amsr_deploy.image.place import Resolution
from amsr_deploy.image.samples import to_picture
from amsr_deploy.image.source import Source, open_source
from amsr_deploy.image.stored import Stored
from amsr_deploy.wording import first_line

_HEAD_BYTES = 64
_TIFF_SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_AVIF_BRANDS = (b"avif", b"avis")
_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")

_log = logging.getLogger(__name__)


def read(path: StrPath, content: bytes | None = None) -> Picture:
    """Read a picture of any format in `formats.READABLE`, from a file or a pipe.

    EXIF orientation is applied, palettes are expanded, CMYK and Lab are converted to sRGB.

    Args:
        path: name of the file.
        content: its bytes from `read_content`, where they have been read already; the path is for messages then.

    Raises:
        ImageError: a file that is missing, damaged, too large, of another format, of one whose reader is not
            installed, or that holds several pictures.
    """
    path = Path(path)
    with _reading(path):
        if content is not None:
            return _decode(Source(path, io.BytesIO(content)))
        with open_source(path) as source:
            return _decode(source)


def read_content(path: StrPath) -> bytes:
    """Read the bytes of a picture file, for `read` in another process.

    Raises:
        ImageError: see `read`, as far as the file need not be decoded for it.
    """
    path = Path(path)
    with _reading(path), open_source(path) as source:
        return source.data()


def _decode(source: Source) -> Picture:
    return _reader(source)(source).upright(source)


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Make one clear line of whatever goes wrong while reading, and of Pillow's warnings."""
    try:
        with caught_warnings() as caught:
            yield
        for message in dict.fromkeys(str(each) for each in caught if type(each) is not Image.DecompressionBombWarning):
            _log.warning("%s: %s", path, message)
    except AmsrError:
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
    except UnidentifiedImageError as error:
        raise ImageError(f"{path} is damaged or cut off (in its header); copy or export it again") from error
    except Exception as error:  # decoders raise many types on damaged files
        raise ImageError(f"{path} is damaged or cut off ({first_line(error)}); copy or export it again") from error


def _reader(source: Source) -> Callable[[Source], Stored]:
    """Choose the reader by the first bytes of a file, whatever its name says.

    Raises:
        ImageError: no format that is known.
    """
    head = source.head(_HEAD_BYTES)
    if head.startswith(png.SIGNATURE):
        return png.read_png
    if head.startswith(jpeg.SIGNATURE):
        return jpeg.read_jpeg
    if head.startswith(_TIFF_SIGNATURES):
        from amsr_deploy.image.tiff import read_tiff  # here, because Pillow's part of it takes a while to load

        return read_tiff
    if head.startswith(jxl.SIGNATURES):
        return jxl.read_jxl
    if head[4:8] == b"ftyp" and head[8:12] in (*_AVIF_BRANDS, *_HEIC_BRANDS):
        return _read_boxed
    if head.startswith(b"GIF8"):
        return _read_gif
    if head.startswith(b"BM") or (head.startswith(b"RIFF") and head[8:12] == b"WEBP"):
        return _read_plain
    raise ImageError(
        f"{source.path} is not a picture in a known format; give a {formats.names()} file, or a video to `amsr video`"
    )


def _read_plain(source: Source) -> Stored:
    """Read WebP and BMP."""
    with Image.open(source.rewound(), formats=["WEBP", "BMP"]) as image:
        _check_single(image, source)
        return _read_with_pillow(image, source)


def _read_gif(source: Source) -> Stored:
    """Read the first frame of a GIF, with a warning where there are others."""
    with Image.open(source.rewound(), formats=["GIF"]) as image:
        frames = getattr(image, "n_frames", 1)
        if frames > 1:
            source.warn(f"of its {frames} frames only the first is read")
        return _read_with_pillow(image, source)


def _read_boxed(source: Source) -> Stored:
    """Read AVIF and HEIC."""
    data = source.data()
    is_avif = any(brand in data[8:_HEAD_BYTES] for brand in _AVIF_BRANDS)
    if not is_avif:
        _enable_heic(source)
    try:
        image = Image.open(io.BytesIO(data), formats=["AVIF" if is_avif else "HEIF"])
    except UnidentifiedImageError as error:
        if is_avif and "AVIF" not in Image.ID:
            raise ImageError(f"{source.path} is AVIF, which this build of Pillow cannot read; update Pillow") from error
        raise
    with image:
        _check_single(image, source)
        if boxes.depth(data) > 8:
            source.warn(f"its {boxes.depth(data)} bits per channel are read with 8")
        stored = _read_with_pillow(image, source)
    coded = boxes.code_points(data)
    if coded is None or stored.picture.metadata.icc_profile:
        return stored
    metadata = replace(stored.picture.metadata, colour=cicp_tags(*coded))
    return replace(stored, picture=replace(stored.picture, metadata=metadata))


def _enable_heic(source: Source) -> None:
    """Teach Pillow to read HEIC.

    Raises:
        ImageError: the package for it is not installed.
    """
    try:
        import_module("pillow_heif").register_heif_opener()
    except ModuleNotFoundError as error:
        raise ImageError(f"{source.path} is HEIC, which needs pillow-heif; run: {install_extra('heic')}") from error


def _read_with_pillow(image: Image.Image, source: Source) -> Stored:
    image.load()
    x, y = image.info.get("dpi", (0, 0))
    metadata = Metadata(
        icc_profile=check_profile(image.info.get("icc_profile"), source),
        resolution=Resolution.of(float(x), float(y), "inch"),
        xmp=image.info.get("xmp"),
    )
    return Stored(to_picture(to_stored_mode(image, source), metadata), image.getexif)


def _check_single(image: Image.Image, source: Source) -> None:
    frames = getattr(image, "n_frames", 1)
    if frames > 1:
        kind = "" if image.format == "HEIF" else " (an animation)"
        video = "give it to `amsr video`, or " if image.format == "AVIF" else ""  # FFmpeg reads no animated WebP
        raise ImageError(f"{source.path} holds {frames} pictures{kind}; {video}split it into single ones")
