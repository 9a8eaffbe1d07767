"""PNG files, strip by strip."""

from __future__ import annotations

import struct
import zlib
from typing import BinaryIO

import numpy as np

from amsr_deploy.image import deflate
from amsr_deploy.image.deflate import Bytes, Checksum
from amsr_deploy.image.layout import Layout
from amsr_deploy.image.picture import Metadata
from amsr_deploy.image.place import Resolution
from amsr_deploy.image.png import SIGNATURE
from amsr_deploy.image.samples import Samples
from amsr_deploy.image.texts import Text, from_iptc, from_xmp

_COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}
_FIRST_FILTER, _FILTER = 0, 2
"""None for the first row, and Up for the others: the smallest files of all filters that are fast."""
_MAX_RESOLUTION = 2**31 - 1


class PngEncoder:
    """Writes a PNG; see `strips.Encoder`."""

    def __init__(self, layout: Layout) -> None:
        height, width = layout.size
        self._header = struct.pack(">2I5B", width, height, layout.bits, _COLOUR_TYPES[layout.channels], 0, 0, 0)
        self._metadata = layout.metadata
        self._compression = layout.compression
        self._checksum = Checksum()

    def begin(self, file: BinaryIO) -> None:
        """Write the header and what belongs to the picture."""
        file.write(SIGNATURE)
        _write_chunk(file, b"IHDR", self._header)
        for kind, body in self._metadata.colour:
            _write_chunk(file, kind, body)
        if self._metadata.icc_profile:
            _write_chunk(file, b"iCCP", b"ICC profile\0\0" + zlib.compress(self._metadata.icc_profile))
        if self._metadata.resolution:
            _write_chunk(file, b"pHYs", _physical_size(self._metadata.resolution))
        if self._metadata.exif:
            _write_chunk(file, b"eXIf", self._metadata.exif.removeprefix(b"Exif\0\0"))
        for kind, body in _texts(self._metadata):
            _write_chunk(file, kind, body)
        _write_chunk(file, b"IDAT", deflate.HEADER)

    def pack(self, strip: Samples, above: Samples | None) -> bytes:
        """Filter and compress a strip; its checksum goes before it."""
        data = _filter(strip, above)
        checksum = Checksum.of(data)
        return struct.pack(">IQ", checksum.value, checksum.length) + deflate.compress_part(data, self._compression)

    def put(self, file: BinaryIO, packed: bytes) -> None:
        """Write a strip as a chunk."""
        self._checksum = self._checksum.then(Checksum(*struct.unpack_from(">IQ", packed)))
        _write_chunk(file, b"IDAT", memoryview(packed)[12:])

    def end(self, file: BinaryIO) -> None:
        """Write the end of the stream and of the file."""
        _write_chunk(file, b"IDAT", deflate.trailer(self._checksum))
        _write_chunk(file, b"IEND", b"")


def _texts(metadata: Metadata) -> list[Text]:
    """List all chunks of text."""
    xmp = [from_xmp(metadata.xmp)] if metadata.xmp else []
    iptc = [from_iptc(metadata.iptc)] if metadata.iptc else []
    return [*xmp, *iptc, *metadata.texts]


def _write_chunk(file: BinaryIO, kind: bytes, data: Bytes) -> None:
    file.write(struct.pack(">I", len(data)) + kind)
    file.write(data)
    file.write(struct.pack(">I", deflate.crc32(data, deflate.crc32(kind))))


def _filter(strip: Samples, above: Samples | None) -> memoryview:
    """Return the bytes of PNG rows, each minus the one above it."""
    rows = _bytes(strip)
    filtered = np.empty((len(rows), 1 + rows.shape[1]), dtype=np.uint8)
    filtered[:, 0] = _FILTER
    np.subtract(rows[1:], rows[:-1], out=filtered[1:, 1:])
    if above is None:
        filtered[0, 0], filtered[0, 1:] = _FIRST_FILTER, rows[0]
    else:
        np.subtract(rows[0], _bytes(above[None])[0], out=filtered[0, 1:])
    return filtered.data.cast("B")


def _bytes(samples: Samples) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    """Return rows of big-endian samples as bytes."""
    return samples.astype(samples.dtype.newbyteorder(">"), copy=False).view(np.uint8).reshape(len(samples), -1)


def _physical_size(resolution: Resolution) -> bytes:
    x, y = (min(max(round(value), 1), _MAX_RESOLUTION) for value in resolution.per("m"))
    return struct.pack(">IIB", x, y, int(resolution.unit is not None))
