"""Deflate in strips that are compressed apart and joined to one stream."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Literal

Compression = Literal["fast", "small"]
Bytes = bytes | memoryview

HEADER = b"\x78\x01"
"""Of a zlib stream."""
_LAST_BLOCK = b"\x03\x00"
_ADLER_PRIME = 65521
_STORED = 0
_FAST_LEVEL = 1
_SMALL_LEVEL = 6


def crc32(data: Bytes, before: int = 0) -> int:
    """Return the CRC-32 of bytes after others, which have the one before; some times faster than zlib's."""
    from isal import isal_zlib  # here and below, because only those who write pictures shall need it

    return isal_zlib.crc32(data, before)


def compress(data: bytes, compression: Compression) -> bytes:
    """Return a zlib stream by itself."""
    if compression == "small":
        return zlib.compress(data, _SMALL_LEVEL)
    from isal import isal_zlib

    packed = isal_zlib.compress(data, _FAST_LEVEL)
    # Noise may grow beyond zlib's bound, for which some readers have no room.
    return packed if len(packed) < len(data) else zlib.compress(data, _STORED)


def compress_part(data: Bytes, compression: Compression) -> bytes:
    """Return blocks of Deflate that end at a byte and refer to nothing before them."""
    if compression == "small":
        stream = zlib.compressobj(_SMALL_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
        return stream.compress(data) + stream.flush(zlib.Z_SYNC_FLUSH)
    from isal import isal_zlib

    quick = isal_zlib.compressobj(_FAST_LEVEL, isal_zlib.DEFLATED, -zlib.MAX_WBITS)
    return quick.compress(data) + quick.flush(isal_zlib.Z_SYNC_FLUSH)


@dataclass(frozen=True)
class Checksum:
    """The Adler-32 of some bytes, which can be joined with that of those after them."""

    value: int = 1
    length: int = 0

    @classmethod
    def of(cls, data: Bytes) -> Checksum:
        """Compute it."""
        from isal import isal_zlib

        return cls(isal_zlib.adler32(data), len(data))

    def then(self, other: Checksum) -> Checksum:
        """Return that of both together."""
        low, high = self.value & 0xFFFF, self.value >> 16
        other_low, other_high = other.value & 0xFFFF, other.value >> 16
        both_low = (low + other_low - 1) % _ADLER_PRIME
        both_high = (high + other_high + other.length * (low - 1)) % _ADLER_PRIME
        return Checksum(both_high << 16 | both_low, self.length + other.length)


def trailer(checksum: Checksum) -> bytes:
    """Return what ends a zlib stream whose parts were compressed apart."""
    return _LAST_BLOCK + checksum.value.to_bytes(4, "big")
