"""Frames as RGB and back, with the matrix and the range that a video says."""

from __future__ import annotations

from typing import Any

import av
import numpy as np
from av.video.reformatter import ColorRange, Interpolation
from numpy.typing import NDArray

MATRICES = (1, 4, 5, 6, 7, 9)
"""Of H.273, those that FFmpeg converts with."""
UNSAID = 5
"""BT.601, which FFmpeg takes where a video does not say its matrix."""
RGB, BT709, UNSPECIFIED, BT601 = 0, 1, 2, 6
"""Matrices of H.273."""
SD_SIDES = (576, 1279)
"""Height and width up to which players take BT.601 where a video does not say its matrix, and BT.709 above."""
_EXACT = (
    Interpolation.LANCZOS | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT | Interpolation.FULL_CHR_H_INP
)


def bits(pixel_format: av.VideoFormat) -> int:
    """Return the bits of a value."""
    return max(component.bits for component in pixel_format.components)


def to_rgb(frame: av.VideoFrame) -> NDArray[Any]:
    """Convert a frame to [H, W, 3] uint8, or uint16 where it has more than 8 bits."""
    deep = bits(frame.format) > 8
    if _is_grey(frame.format) and int(frame.color_range) == ColorRange.MPEG:
        frame = _as_yuv(frame, deep)
    rgb = frame.reformat(
        format="rgb48le" if deep else "rgb24",
        src_colorspace=_matrix(int(frame.colorspace)),
        src_color_range=_range(frame),
        interpolation=_EXACT,
    )
    return np.asarray(rgb.to_ndarray())


def tags_for(source: av.VideoFrame, pixel_format: str, size: tuple[int, int]) -> dict[str, int]:
    """Choose the colour tags of an output: the source's, where they hold for another pixel format.

    Args:
        source: a frame of the source.
        pixel_format: of the output.
        size: height and width of the output.

    Returns:
        Matrix, range, primaries and transfer, by the names of PyAV's attributes, as numbers of FFmpeg.
    """
    names = ("colorspace", "color_range", "color_primaries", "color_trc")
    tags = {name: int(getattr(source, name)) for name in names}
    target = av.VideoFormat(pixel_format)
    if target.is_rgb:
        return {**tags, "colorspace": RGB, "color_range": int(ColorRange.JPEG)}
    is_yuv = len(source.format.components) >= 3 and not source.format.is_rgb
    if not is_yuv and tags["colorspace"] in (RGB, UNSPECIFIED):
        tags["colorspace"] = BT601 if size[0] <= SD_SIDES[0] and size[1] <= SD_SIDES[1] else BT709
    if _is_grey(target):
        tags["color_range"] = int(ColorRange.JPEG)
    elif not is_yuv:
        tags["color_range"] = int(ColorRange.MPEG)
    return tags


def from_rgb(image: NDArray[Any], tags: dict[str, int], pixel_format: str, size: tuple[int, int]) -> av.VideoFrame:
    """Make a frame of a size (height, width), a format and its colour tags; see `to_rgb` and `tags_for`."""
    rgb = av.VideoFrame.from_ndarray(image, format="rgb48le" if image.dtype == np.uint16 else "rgb24")
    is_full = tags["color_range"] == ColorRange.JPEG
    frame = rgb.reformat(
        width=size[1],
        height=size[0],
        format=pixel_format,
        dst_colorspace=_matrix(tags["colorspace"]),
        dst_color_range=int(ColorRange.JPEG if is_full else ColorRange.MPEG),
        interpolation=_EXACT,
    )
    for name, tag in tags.items():
        setattr(frame, name, tag)
    return frame


def _is_grey(pixel_format: av.VideoFormat) -> bool:
    """Tell whether a format holds no colour; FFmpeg reads and writes it in full range, whatever its tag is."""
    return len(pixel_format.components) < 3 and not pixel_format.has_palette


def _as_yuv(frame: av.VideoFrame, deep: bool) -> av.VideoFrame:
    """Turn a grey frame of limited range into one whose range FFmpeg heeds, with the same samples."""
    yuv = frame.reformat(format="yuv444p16le" if deep else "yuv444p", dst_color_range=int(ColorRange.JPEG))
    yuv.color_range = int(ColorRange.MPEG)
    return yuv


def _matrix(tag: int) -> int:
    return tag if tag in MATRICES else UNSAID


def _range(frame: av.VideoFrame) -> int:
    full = frame.format.name.startswith("yuvj") or int(frame.color_range) == ColorRange.JPEG
    return int(ColorRange.JPEG if full or frame.format.is_rgb else ColorRange.MPEG)
