"""What files say about the meaning of their colours, and whether it can be kept."""

from __future__ import annotations

import struct

from amsr_deploy.image.source import Source

ColourTags = tuple[tuple[bytes, bytes], ...]

PNG_COLOUR_CHUNKS = (b"cICP", b"mDCV", b"mDCv", b"cLLI", b"cLLi", b"sRGB", b"gAMA", b"cHRM")
_SRGB_GAMMA = 45455
_SRGB_CHROMATICITIES = (31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
_TOLERANCE = 100
_SRGB_PRIMARIES = {1, 2}  # BT.709, and unspecified
_SRGB_TRANSFERS = {1, 2, 6, 13, 14, 15}  # those of BT.709, BT.601 and BT.2020 look alike; 2 is unspecified
_TRANSFER_NAMES = {4: "gamma 2.2", 5: "gamma 2.8", 8: "linear light", 16: "PQ (HDR)", 18: "HLG (HDR)"}


def check_profile(profile: bytes | None, source: Source) -> bytes | None:
    """Return a colour profile, or None and a warning where it is damaged."""
    if not profile:
        return None
    if len(profile) < 132 or profile[36:40] != b"acsp" or int.from_bytes(profile[:4], "big") > len(profile):
        source.warn("its colour profile is damaged and dropped; colours are taken as sRGB")
        return None
    return profile


def fits_channels(profile: bytes, channels: int) -> bool:
    """Tell whether a profile is for that number of channels, alpha included."""
    return profile[16:20] == (b"GRAY" if channels <= 2 else b"RGB ")


def cicp_tags(primaries: int, transfer: int) -> ColourTags:
    """Return code points of H.273 as PNG would tell them; nothing where they mean sRGB."""
    if primaries in _SRGB_PRIMARIES and transfer in _SRGB_TRANSFERS:
        return ()
    return ((b"cICP", bytes([primaries, transfer, 0, 1])),)


def meaning(tags: ColourTags, profile: bytes | None) -> str | None:
    """Say how colours differ from those of sRGB and of the profile; None where they do not.

    Args:
        tags: chunks of PNG; the strongest counts: cICP, then the profile, then sRGB, then gAMA and cHRM.
        profile: the colour profile.
    """
    found = dict(tags)
    code = found.get(b"cICP", b"")
    if len(code) == 4:
        primaries, transfer, _, full_range = code
        names = []
        if cicp_tags(primaries, transfer):
            names.append(_TRANSFER_NAMES.get(transfer, f"transfer function {transfer}, primaries {primaries}"))
        if not full_range:
            names.append("the narrow range of video")
        return " and ".join(names) or None
    if profile or b"sRGB" in found:
        return None
    differences = []
    gamma, places = found.get(b"gAMA", b""), found.get(b"cHRM", b"")
    if len(gamma) == 4 and abs(int.from_bytes(gamma, "big") - _SRGB_GAMMA) > 500:
        differences.append(f"gamma {int.from_bytes(gamma, 'big') / 100_000:g}")
    if len(places) == 32 and _are_far(struct.unpack(">8I", places), _SRGB_CHROMATICITIES):
        differences.append("primaries other than those of sRGB")
    return " and ".join(differences) or None


def _are_far(places: tuple[int, ...], usual: tuple[int, ...]) -> bool:
    return any(abs(place - near) > _TOLERANCE for place, near in zip(places, usual, strict=True))
