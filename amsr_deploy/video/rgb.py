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
TAGS = ("colorspace", "color_range", "color_primaries", "color_trc")
_EXACT = (
    Interpolation.LANCZOS | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT | Interpolation.FULL_CHR_H_INP
)


def bits(pixel_format: av.VideoFormat) -> int:
    """Bits of a value."""
    return max(component.bits for component in pixel_format.components)


def to_rgb(frame: av.VideoFrame) -> NDArray[Any]:
    """[H, W, 3] uint8, or uint16 where a frame has more than 8 bits."""
    deep = bits(frame.format) > 8
    name = "rgb48le" if deep else "rgb24"
    rgb = frame.reformat(
        format=name, src_colorspace=_matrix(frame), src_color_range=_range(frame), interpolation=_EXACT
    )
    return np.asarray(rgb.to_ndarray())


def from_rgb(image: NDArray[Any], like: av.VideoFrame, pixel_format: str, size: tuple[int, int]) -> av.VideoFrame:
    """Make a frame of a size (height, width) and format, with the colour tags and the time of another; see `to_rgb`."""
    rgb = av.VideoFrame.from_ndarray(image, format="rgb48le" if image.dtype == np.uint16 else "rgb24")
    frame = rgb.reformat(
        width=size[1],
        height=size[0],
        format=pixel_format,
        dst_colorspace=_matrix(like),
        dst_color_range=_range(like),
        interpolation=_EXACT,
    )
    for tag in TAGS:
        setattr(frame, tag, getattr(like, tag))
    return frame


def _matrix(frame: av.VideoFrame) -> int:
    return int(frame.colorspace) if int(frame.colorspace) in MATRICES else UNSAID


def _range(frame: av.VideoFrame) -> int:
    full = frame.format.name.startswith("yuvj") or int(frame.color_range) == ColorRange.JPEG
    return int(ColorRange.JPEG if full or frame.format.is_rgb else ColorRange.MPEG)
