"""TIFF files made byte by byte, for layouts that no common writer makes."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_CODES = {"B": 1, "s": 2, "H": 3, "I": 4, "F": 5, "Q": 16, "d": 12}
Page = tuple[Mapping[int, tuple[str, Any]], bytes]
"""The tags of a directory as (type, values; F are fractions), and the bytes of its only strip."""


def tiff(*pages: Page, order: str = "<", big: bool = False) -> bytes:
    """A TIFF of uncompressed pages; tags 273 and 279 (where the strip is) are added."""
    word, head = ("Q", 16) if big else ("I", 8)
    data = bytearray({"<": b"II", ">": b"MM"}[order])
    data += struct.pack(f"{order}HHHQ", 43, 8, 0, 0) if big else struct.pack(f"{order}HI", 42, 0)
    link = head - struct.calcsize(f"={word}")
    for tags, strip in pages:
        place = len(data)
        data += strip + bytes(-len(strip) % 8)
        struct.pack_into(f"{order}{word}", data, link, len(data))
        link = _directory(data, {273: (word, place), 279: (word, len(strip)), **tags}, order, word)
    return bytes(data)


def _directory(data: bytearray, tags: Mapping[int, tuple[str, Any]], order: str, word: str) -> int:
    """Append a directory; returns where the offset of the next one goes."""
    count, room = ("Q", 8) if word == "Q" else ("H", 4)
    entry = 4 + 2 * room
    start = len(data)
    link = start + struct.calcsize(f"={count}") + entry * len(tags)
    data += bytes(link + room - start)
    struct.pack_into(f"{order}{count}", data, start, len(tags))
    for number, (tag, (kind, values)) in enumerate(sorted(tags.items())):
        values = values if isinstance(values, (tuple, list)) else (values,)
        packed = values[0] if kind == "s" else struct.pack(f"{order}{len(values)}{kind.replace('F', 'I')}", *values)
        at = start + struct.calcsize(f"={count}") + entry * number
        length = len(packed) if kind == "s" else len(values) // (2 if kind == "F" else 1)
        struct.pack_into(f"{order}HH{word}", data, at, tag, _CODES[kind], length)
        if len(packed) > room:
            struct.pack_into(f"{order}{word}", data, at + 4 + room, len(data))
            data += packed + bytes(-len(packed) % 8)
        else:
            data[at + 4 + room : at + 4 + room + len(packed)] = packed
    return link


def page(
    samples: NDArray[Any],
    photometric: int = 1,
    bits: int | None = None,
    sample_format: int = 1,
    extra: Sequence[int] = (),
    order: str = "<",
    planar: bool = False,
    more: Mapping[int, tuple[str, Any]] | None = None,
) -> Page:
    """A page of samples [H, W, C] as they are, or packed into `bits` each."""
    height, width, channels = samples.shape
    tags: dict[int, tuple[str, Any]] = {
        256: ("I", width),
        257: ("I", height),
        258: ("H", (bits or samples.dtype.itemsize * 8,) * channels),
        259: ("H", 1),
        262: ("H", photometric),
        277: ("H", channels),
        278: ("I", height),
    }
    if sample_format != 1:
        tags[339] = ("H", (sample_format,) * channels)
    if extra:
        tags[338] = ("H", tuple(extra))
    planes = np.moveaxis(samples, 2, 0)[..., None] if planar else samples[None]
    stored = samples.dtype.newbyteorder(order)
    strips = [pack(plane, bits) if bits else plane.astype(stored).tobytes() for plane in planes]
    if planar:
        tags[284] = ("H", 2)
        sizes = [len(strip) for strip in strips]
        tags[279] = ("I", sizes)
        tags[273] = ("I", [8 + sum(sizes[:number]) for number in range(channels)])  # right in a classic first page
    return {**tags, **(more or {})}, b"".join(strips)


def pack(samples: NDArray[Any], bits: int) -> bytes:
    """Rows of [H, W, C] integers with `bits` each, most significant first, padded to bytes."""
    digits = (samples.reshape(len(samples), -1, 1) >> np.arange(bits - 1, -1, -1)) & 1
    return np.packbits(digits.reshape(len(samples), -1).astype(np.uint8), axis=1).tobytes()
