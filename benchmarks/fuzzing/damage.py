"""Changes of files: bytes and bits, cuts, pieces of others, large numbers in place of sizes."""

from __future__ import annotations

import random
import re
import struct
import zlib
from collections.abc import Sequence

from fuzzing.seeds import Seed

NUMBERS = (0, 1, 2, 127, 128, 255, 256, 2**15 - 1, 2**15, 2**16 - 1, 2**16, 2**24)
NUMBERS += (2**31 - 1, 2**31, 2**32 - 1, 2**63, 2**64 - 1)
WORDS = (b"-1", b"0", b"1e999", b"NaN", b"null", b"[]", b"{}", b'""', b"true", b"9" * 20, b"[" * 5000, b'"\\ud800"')


def damaged(seeds: Sequence[Seed], chance: random.Random) -> Seed:
    """Change one of some files."""
    suffix, content = chance.choice(seeds)
    data = bytearray(content)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 8))):
        chance.choice(CHANGES)(data, chance, seeds)
    return suffix, with_checksums(bytes(data)) if chance.random() < 0.7 else bytes(data)


def place(data: bytearray, chance: random.Random) -> int:
    """Choose where a file is changed: more often near its beginning, where headers are."""
    return chance.randrange(min(len(data), chance.choice((16, 64, 256, 1024, 1 << 30))) or 1)


def flip(data: bytearray, chance: random.Random, _: object) -> None:
    """Flip bits."""
    for _ in range(chance.choice((1, 1, 2, 16))):
        if data:
            data[place(data, chance)] ^= 1 << chance.randrange(8)


def overwrite(data: bytearray, chance: random.Random, _: object) -> None:
    """Put random bytes in the place of others."""
    start, size = place(data, chance), chance.choice((1, 2, 4, 16))
    data[start : start + size] = chance.randbytes(size)


def enlarge(data: bytearray, chance: random.Random, _: object) -> None:
    """Put a number that is special in the place of bytes, which may be a size."""
    width = chance.choice((1, 2, 4, 4, 8))
    start = place(data, chance)
    number = chance.choice(NUMBERS) % 256**width
    data[start : start + width] = number.to_bytes(width, chance.choice(("little", "big")))


def cut(data: bytearray, chance: random.Random, _: object) -> None:
    """Cut the file off."""
    del data[place(data, chance) :]


def drop(data: bytearray, chance: random.Random, _: object) -> None:
    """Take a piece out."""
    start = place(data, chance)
    del data[start : start + chance.choice((1, 4, 12, 64, 1024))]


def splice(data: bytearray, chance: random.Random, seeds: Sequence[Seed]) -> None:
    """Insert a piece of another file, or let the rest be that of another one."""
    other = bytearray(chance.choice(seeds)[1])
    start, begin = place(data, chance), place(other, chance)
    if chance.random() < 0.5:
        data[start:] = other[begin:]
    else:
        data[start:start] = other[begin : begin + chance.choice((4, 12, 64, 1024))]


def reword(data: bytearray, chance: random.Random, _: object) -> None:
    """Put another word in the place of a number or a text, as JSON has them."""
    words = list(re.finditer(rb'-?[0-9]+(\.[0-9]+)?|"[^"]{0,40}"', bytes(data[: 1 << 16])))
    if words:
        word = chance.choice(words)
        data[word.start() : word.end()] = chance.choice(WORDS)


def resize(data: bytearray, chance: random.Random, _: object) -> None:
    """Tell another width and height, where the file tells those of the seeds."""
    width, order = chance.choice((2, 4)), chance.choice(("little", "big"))
    for side in chance.choice(((20, 24), (48, 64), (20,), (24,))):
        other = chance.choice((1, 300, 3_000, 20_000, 65_535, 2**31 - 1)) % 256**width
        data[:] = data.replace(side.to_bytes(width, order), other.to_bytes(width, order), chance.choice((1, 2, -1)))


CHANGES = (flip, overwrite, enlarge, enlarge, cut, drop, splice, resize, reword)


def with_checksums(data: bytes) -> bytes:
    """Make the checksums of a PNG right, so that what follows them is read; other files stay."""
    if not data.startswith(b"\x89PNG"):
        return data
    result, at = bytearray(data), 8
    while at + 12 <= len(data):
        end = at + 8 + int.from_bytes(data[at : at + 4], "big")
        if end + 4 > len(data):
            break
        result[end : end + 4] = struct.pack(">I", zlib.crc32(data[at + 4 : end]))
        at = end + 4
    return bytes(result)
