"""The first bits of a JPEG XL codestream, as far as they tell whether it is an animation, which its reader hides."""

from __future__ import annotations

_SIGNATURE_BYTES = 2
_HEADER_BYTES = 64
_SIDE_BITS = (9, 13, 18, 30)
_PREVIEW_BITS = {True: (0, 0, 5, 9), False: (6, 8, 10, 12)}
"""Bits of a side of the preview, whether it is a multiple of 8 or not."""


class _Bits:
    """Bits from the lowest of the first byte on; zeros follow the last."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "little")

    def take(self, count: int) -> int:
        value = self._value & ((1 << count) - 1)
        self._value >>= count
        return value


def is_animation(codestream: bytes) -> bool:
    """Tell whether a codestream says that it has several frames in time."""
    bits = _Bits(codestream[_SIGNATURE_BYTES:_HEADER_BYTES])
    _skip_size(bits)
    all_default, extra_fields = bits.take(1), bits.take(1)
    if all_default or not extra_fields:
        return False
    bits.take(3)  # the orientation
    if bits.take(1):
        _skip_size(bits)  # the intrinsic size
    if bits.take(1):
        _skip_preview(bits)
    return bool(bits.take(1))


def _skip_size(bits: _Bits) -> None:
    small = bits.take(1)
    _skip_side(bits, small)
    if not bits.take(3):  # no ratio that gives the width
        _skip_side(bits, small)


def _skip_side(bits: _Bits, small: int) -> None:
    bits.take(5 if small else _SIDE_BITS[bits.take(2)])


def _skip_preview(bits: _Bits) -> None:
    choices = _PREVIEW_BITS[bool(bits.take(1))]
    bits.take(choices[bits.take(2)])
    if not bits.take(3):
        bits.take(choices[bits.take(2)])
