"""PNG files: their chunks, of which decoders see only what makes up the pixels."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

from PIL import Image

from amsr_deploy.errors import ImageError
from amsr_deploy.image import texts
from amsr_deploy.image.colour import PNG_COLOUR_CHUNKS, check_profile
from amsr_deploy.image.decoders import decode_deep, to_stored_mode
from amsr_deploy.image.picture import Metadata
from amsr_deploy.image.place import Resolution
from amsr_deploy.image.samples import to_picture
from amsr_deploy.image.source import Source
from amsr_deploy.image.stored import Stored
from amsr_deploy.image.texts import Text

SIGNATURE = b"\x89PNG\r\n\x1a\n"

_FOR_PIXELS = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"}
_END = struct.pack(">I4sI", 0, b"IEND", zlib.crc32(b"IEND"))
_MAX_PROFILE_BYTES = 1 << 26


@dataclass(frozen=True)
class Chunks:
    """What a PNG consists of: a PNG of its pixels, the first of each other chunk, all texts, and whether it ends."""

    pixels: bytes
    others: dict[bytes, bytes]
    texts: list[Text]
    depth: int
    ends: bool

    def text(self, keyword: bytes) -> Text | None:
        """Return the first text of a keyword."""
        return next((text for text in self.texts if texts.keyword(text) == keyword), None)


def read_png(source: Source) -> Stored:
    """Read a PNG.

    Raises:
        ImageError: a file that is damaged, too large, or an animation.
    """
    chunks = split(source)
    frames = int.from_bytes(chunks.others.get(b"acTL", b"")[:4], "big")
    if frames > 1:
        raise ImageError(
            f"{source.path} holds {frames} pictures (an animation); "
            "give it to `amsr video`, or split it into single ones"
        )
    metadata = Metadata(
        icc_profile=check_profile(_profile(chunks.others.get(b"iCCP")), source),
        colour=tuple((name, chunks.others[name]) for name in PNG_COLOUR_CHUNKS if name in chunks.others),
        resolution=_resolution(chunks.others.get(b"pHYs", b"")),
        texts=tuple(filter(texts.stays_true, chunks.texts)),
    )
    if xmp := chunks.text(texts.XMP):
        metadata = replace(metadata, xmp=texts.content(xmp))
    if iptc := chunks.text(texts.IPTC_PROFILE):
        metadata = replace(metadata, iptc=_iptc(iptc, source))
    with Image.open(io.BytesIO(chunks.pixels), formats=["PNG"]) as image:
        if chunks.depth == 16:
            with replace(source, file=io.BytesIO(chunks.pixels)).plain_path(".png") as path:
                samples = decode_deep(path, source).samples
        else:
            image.load()
            samples = to_stored_mode(image, source)
    if not chunks.ends:
        source.warn("it lacks its end; what is there is read")
    return Stored(to_picture(samples, metadata), lambda: _exif(chunks))


def split(source: Source) -> Chunks:
    """Take a PNG apart.

    A wrong checksum of a chunk that decoders may skip costs only this chunk; a missing end costs nothing.

    Raises:
        ImageError: a damaged or missing chunk of those that make up the pixels.
    """
    kept, kind = [SIGNATURE], b""
    others: dict[bytes, bytes] = {}
    found: list[Text] = []
    for chunk in _whole_chunks(source.data()):
        kind, body = chunk[4:8], chunk[8:-4]
        if zlib.crc32(chunk[4:-4]) != int.from_bytes(chunk[-4:], "big"):
            _pass_over(kind, source)
        elif kind in _FOR_PIXELS:
            kept.append(chunk)
        elif kind in texts.KINDS:
            found.append((kind, body))
        else:
            others.setdefault(kind, body)
    if len(kept) < 2 or kept[1][4:8] != b"IHDR" or len(kept[1]) != 25:
        raise ImageError(f"{source.path} is damaged (it does not begin with a header); copy or export it again")
    if b"CgBI" in others:
        raise ImageError(
            f"{source.path} is a PNG in Apple's form for apps (CgBI), which cannot be read; convert it first"
        )
    ends = kind == b"IEND"
    return Chunks(b"".join(kept if ends else [*kept, _END]), others, found, depth=kept[1][16], ends=ends)


def _whole_chunks(data: bytes) -> Iterator[bytes]:
    """Yield the chunks of a PNG, from length to checksum, to its end or to where it is cut off."""
    place, chunk = len(SIGNATURE), b""
    while chunk[4:8] != b"IEND" and place + 12 <= len(data):
        end = place + 12 + int.from_bytes(data[place : place + 4], "big")
        if end > len(data):
            return
        chunk = data[place:end]
        yield chunk
        place = end


def _pass_over(kind: bytes, source: Source) -> None:
    """Warn of a chunk with a wrong checksum; raise ImageError for one that decoders need."""
    name = kind.decode() if kind.isalpha() else "a chunk without a name"
    if not kind[0] & 32:
        raise ImageError(f"{source.path} is damaged (wrong checksum of {name}); copy or export it again")
    source.warn(f"its chunk {name} has a wrong checksum and is dropped")


def _exif(chunks: Chunks) -> Image.Exif:
    """Return EXIF from a chunk of its own, or from text in hexadecimal digits."""
    exif = Image.Exif()
    text = chunks.text(texts.EXIF_PROFILE)
    if text and b"eXIf" not in chunks.others:
        exif.load(texts.from_digits(text))
    else:
        exif.load(chunks.others.get(b"eXIf", b""))
    return exif


def _iptc(text: Text, source: Source) -> bytes | None:
    try:
        return texts.from_resources(texts.from_digits(text))
    except ValueError:
        source.warn("its IPTC data is damaged and dropped")
        return None


def _profile(body: bytes | None) -> bytes | None:
    """Unpack a colour profile."""
    if body is None:
        return None
    try:
        stream = zlib.decompressobj()
        profile = stream.decompress(body[body.index(b"\0") + 2 :], _MAX_PROFILE_BYTES)
    except (ValueError, zlib.error):
        profile = b"damaged"
    return profile


def _resolution(body: bytes) -> Resolution | None:
    if len(body) != 9:
        return None
    x, y, unit = struct.unpack(">IIB", body)
    return Resolution.of(x, y, "m" if unit == 1 else None)
