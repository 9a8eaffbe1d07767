"""TIFF and BigTIFF files, strip by strip."""

from __future__ import annotations

import io
from typing import BinaryIO

from PIL import Image
from PIL.ExifTags import Base
from PIL.TiffImagePlugin import ImageFileDirectory_v2
from PIL.TiffTags import ASCII, BYTE, DOUBLE, LONG, LONG8, SHORT

from amsr_deploy.image import deflate
from amsr_deploy.image.exif import tags as exif_tags
from amsr_deploy.image.layout import Layout
from amsr_deploy.image.picture import Metadata
from amsr_deploy.image.place import GEO_KEYS
from amsr_deploy.image.samples import Samples
from amsr_deploy.image.tiff_layout import GREY, RGB, STRAIGHT

MAX_CLASSIC_BYTES = 2**32 - 1
"""The largest file whose places fit in 32 bits."""
_GEO_ASCII = 34737
_UNITS = {None: 1, "inch": 2, "cm": 3, "m": 3}
_BIG_HEADER = b"II\x2b\0\x08\0\0\0" + (16).to_bytes(8, "little")


class TiffEncoder:
    """Writes a TIFF compressed by Deflate after horizontal differences; see `strips.Encoder`.

    The directory goes before the strips, so that what it points to lies in the first 4 GiB, and is written last.
    """

    def __init__(self, layout: Layout) -> None:
        (height, width), channels, bits, metadata = layout.size, layout.channels, layout.bits, layout.metadata
        self._compression = layout.compression
        self._sizes: list[int] = []
        strips = -(-height // layout.strip_rows)
        # Deflate may add some bytes to what it cannot compress.
        most = height * width * channels * bits // 8 * 1001 // 1000 + 1024 * strips
        words = (metadata.exif, metadata.icc_profile, metadata.xmp, metadata.iptc)
        most += sum(len(each or b"") for each in words) + (1 << 20)
        big = most > MAX_CLASSIC_BYTES
        self._tags = _directory(metadata, big)
        self._tags[Base.ImageWidth], self._tags[Base.ImageLength] = width, height
        self._tags[Base.BitsPerSample] = (bits,) * channels
        self._tags[Base.Compression], self._tags[Base.Predictor] = 8, 2
        self._tags[Base.PhotometricInterpretation] = RGB if channels >= 3 else GREY
        self._tags[Base.SamplesPerPixel], self._tags[Base.RowsPerStrip] = channels, layout.strip_rows
        if channels in (2, 4):
            self._tags[Base.ExtraSamples] = (STRAIGHT,)
        for tag in (Base.StripOffsets, Base.StripByteCounts):
            self._tags.tagtype[tag] = LONG8 if big else LONG
        self._strips = strips

    def begin(self, file: BinaryIO) -> None:
        """Leave room for the directory."""
        file.write(bytes(len(self._head([0] * self._strips))))

    def pack(self, strip: Samples, above: Samples | None) -> bytes:
        """Compress a strip."""
        rows = strip.astype(strip.dtype.newbyteorder("<"))
        rows[:, 1:] -= strip[:, :-1]
        return deflate.compress(rows.tobytes(), self._compression)

    def put(self, file: BinaryIO, packed: bytes) -> None:
        """Write a strip."""
        self._sizes.append(len(packed))
        file.write(packed)

    def end(self, file: BinaryIO) -> None:
        """Write the directory."""
        file.seek(0)
        file.write(self._head(self._sizes))

    def _head(self, sizes: list[int]) -> bytes:
        """Return the header and the directory of strips with these sizes, which follow it."""
        places = [0]
        for size in sizes[:-1]:
            places.append(places[-1] + size)
        self._tags[Base.StripOffsets], self._tags[Base.StripByteCounts] = tuple(places), tuple(sizes)
        file = io.BytesIO()
        self._tags.save(file)  # adds its own length to the places
        return file.getvalue()


def _directory(metadata: Metadata, big: bool) -> ImageFileDirectory_v2:
    """Return a directory with all that belongs to the picture."""
    tags = ImageFileDirectory_v2(_BIG_HEADER) if big else ImageFileDirectory_v2(prefix=b"II")
    if metadata.exif:
        source = Image.Exif()
        source.load(metadata.exif)
        for tag, value in exif_tags(source).items():
            tags[tag] = value
    if metadata.icc_profile:
        tags[Base.InterColorProfile] = metadata.icc_profile
    for tag, content in ((Base.XMLPacket, metadata.xmp), (Base.IPTCNAA, metadata.iptc)):
        if content:
            tags.tagtype[tag] = BYTE
            tags[tag] = content
    if metadata.resolution:
        unit = metadata.resolution.unit
        tags[Base.XResolution], tags[Base.YResolution] = metadata.resolution.per("inch" if unit == "inch" else "cm")
        tags[Base.ResolutionUnit] = _UNITS[unit]
    for tag, value in metadata.geo.tags.items() if metadata.geo else ():
        tags.tagtype[tag] = {GEO_KEYS: SHORT, _GEO_ASCII: ASCII}.get(tag, DOUBLE)
        tags[tag] = value
    return tags
