"""A colour profile for tests of CMYK."""

from __future__ import annotations

import struct

import numpy as np


def cmyk_profile() -> bytes:
    """A printer that has only grey inks: cyan prints L* = 50, no ink L* = 100, everything else black."""
    corners = np.zeros((16, 3), dtype=np.uint8) + np.array([0, 128, 128], dtype=np.uint8)
    corners[0, 0], corners[8, 0] = 255, 128
    ramp = bytes(range(256))
    unity = struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    table = b"mft1\0\0\0\0" + bytes([4, 3, 2, 0]) + unity + ramp * 4 + corners.tobytes() + ramp * 3
    white = b"XYZ \0\0\0\0" + struct.pack(">3i", 63190, 65536, 54061)
    offset = 128 + 4 + 2 * 12
    tags = struct.pack(">I", 2) + b"A2B0" + struct.pack(">2I", offset, len(table))
    tags += b"wtpt" + struct.pack(">2I", offset + len(table), len(white))
    size = offset + len(table) + len(white)
    head = struct.pack(">I4sI4s4s4s", size, b"lcms", 0x02100000, b"prtr", b"CMYK", b"Lab ")
    head += bytes(12) + b"acsp" + bytes(28) + struct.pack(">3i", 63190, 65536, 54061)
    return head.ljust(128, b"\0") + tags + table + white
