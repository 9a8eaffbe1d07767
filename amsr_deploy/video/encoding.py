"""Which encoder and pixel format an output gets, and the encoder's options."""

from __future__ import annotations

import os
from dataclasses import dataclass

import av
from av.codec.codec import find_best_pix_fmt_of_list

from amsr_deploy.errors import UserError
from amsr_deploy.video.rgb import bits

ENCODERS = {".webm": ("libvpx-vp9", "libvpx-vp9")}
"""Default encoders of 8 bits and of more, by the suffix of a file."""
OTHERS = ("libx264", "libx265")
X265_SIDE = 64
"""Smallest side that libx265 gets: with less it writes where it must not."""
Y4M = "wrapped_avframe"
"""What FFmpeg calls pictures that are not encoded."""
Y4M_FORMATS = [
    "yuv411p",
    *(
        f"{kind}{depth}"
        for kind in ("gray", "yuv420p", "yuv422p", "yuv444p")
        for depth in ("", "9le", "10le", "12le", "16le")
    ),
]
"""Pixel formats that y4m has a name for."""
CRF = {"libx264": 17, "libx265": 19, "libvpx-vp9": 24, "libaom-av1": 24, "libsvtav1": 24}
"""Default rate factors: hard to tell from the original."""
MOST_CRF = {"libx264": 51, "libx265": 51, "libvpx-vp9": 63, "libaom-av1": 63, "libsvtav1": 63}
"""Largest rate factors; libx264 takes larger ones for this one without a word."""
PRESET = {"libx264": "medium", "libx265": "medium", "libsvtav1": "8"}
"""Default presets."""
_SPEEDS = ["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow", "placebo"]
PRESETS = {"libx264": _SPEEDS, "libx265": _SPEEDS, "libsvtav1": [str(number) for number in range(-1, 14)]}
"""Presets that there are; libx264 prints a line of its own about others."""
ALWAYS = {
    "libx265": {"x265-params": "log-level=error"},
    "libvpx-vp9": {"b": "0", "row-mt": "1"},
    "libaom-av1": {"b": "0"},
    "mjpeg": {"strict": "unofficial"},
}
"""Options that encoders get: to be quiet, to heed the rate factor alone, to take limited range."""
os.environ.setdefault("SVT_LOG", "0")  # libsvtav1 has no option for it


@dataclass(frozen=True)
class Encoding:
    """What a user asked for; None is the default.

    Attributes:
        encoder: FFmpeg's name of it.
        crf: rate factor: smaller is better and larger.
        preset: the encoder's dial between speed and size.
        pixel_format: FFmpeg's name of it.
    """

    encoder: str | None = None
    crf: float | None = None
    preset: str | None = None
    pixel_format: str | None = None

    def encoder_for(self, suffix: str, source: av.VideoFormat, size: tuple[int, int]) -> str:
        """Choose the encoder of a file with that suffix, for pictures of a size (height, width).

        Raises:
            UserError: this FFmpeg has none of that name; one that cannot encode so small pictures.
        """
        is_small = min(size) < X265_SIDE
        if self.encoder == "libx265" and is_small:
            raise UserError(f"libx265 needs {X265_SIDE} pixels a side, not {size[1]}x{size[0]}; use another `encoder`")
        name = self.encoder or ENCODERS.get(suffix.lower(), OTHERS)[bits(source) > 8 and not is_small]
        try:
            is_video = av.codec.Codec(name, "w").type == "video"
        except ValueError:
            is_video = False
        if not is_video:
            raise UserError(f"`encoder` {name} is none of this FFmpeg; use one of: {', '.join(CRF)}, ffv1, prores_ks")
        return name

    def options_of(self, encoder: str) -> dict[str, str]:
        """Make the options of the encoder.

        Raises:
            UserError: something that the encoder has no use for, a crf out of its range, a preset that it has not.
        """
        if self.crf is not None and encoder not in CRF:
            raise UserError(f"{encoder} takes no `crf`; use one of: {', '.join(CRF)}")
        if self.crf is not None and not 0 <= self.crf <= MOST_CRF[encoder]:
            raise UserError(
                f"`crf` {self.crf:g} is no rate factor of {encoder}; "
                f"give 0 to {MOST_CRF[encoder]}, {CRF[encoder]} is the default"
            )
        if self.preset is not None and encoder not in PRESETS:
            raise UserError(f"{encoder} takes no `preset`; use one of: {', '.join(PRESETS)}")
        if self.preset is not None and self.preset not in PRESETS[encoder]:
            raise UserError(f"{encoder} has no `preset` {self.preset}; use one of: {', '.join(PRESETS[encoder])}")
        options = dict(ALWAYS.get(encoder, {}))
        if encoder in CRF:
            options["crf"] = f"{CRF[encoder] if self.crf is None else self.crf:g}"
        if encoder in PRESETS:
            options["preset"] = self.preset or PRESET[encoder]
        return options

    def pixel_format_of(self, encoder: str, source: av.VideoFormat, size: tuple[int, int]) -> str:
        """Choose the pixel format of a picture (height, width): as near to the source's as the encoder can.

        Raises:
            UserError: one that the encoder has not, or whose colour is of half size where a side is odd.
        """
        codec = av.codec.Codec(encoder, "w")
        known = Y4M_FORMATS if encoder == Y4M else [known.name for known in codec.video_formats or ()]
        name = self.pixel_format or _nearest(source, known or [*Y4M_FORMATS, source.name])
        if known and name not in known:
            place = "y4m" if encoder == Y4M else encoder
            raise UserError(f"{place} has no `pixel_format` {name}; use one of: {', '.join(known)}")
        shape = av.VideoFormat(name)
        height, width = size
        if (height % 2 and shape.chroma_height(2) == 1) or (width % 2 and shape.chroma_width(2) == 1):
            raise UserError(
                f"{name} needs even sides, not {width}x{height}; use another size, or `pixel_format` yuv444p"
            )
        return name


def _nearest(source: av.VideoFormat, known: list[str]) -> str:
    """Choose the pixel format that loses least; another RGB than the source's only where there is no YUV."""
    plain = [known for known in map(av.VideoFormat, known) if _holds_only_pictures(known)]
    yuv = [known for known in plain if not known.is_rgb]
    has_choice = any(len(known.components) >= 3 for known in yuv)
    nearest, _ = find_best_pix_fmt_of_list(yuv if has_choice and source.name not in known else plain, source)
    return str(nearest.name) if nearest else "yuv420p"


def _holds_only_pictures(pixel_format: av.VideoFormat) -> bool:
    """Tell whether a format has no transparency, no palette, and leaves the range to a tag."""
    has_alpha = any(component.is_alpha for component in pixel_format.components)
    return not (has_alpha or pixel_format.has_palette or pixel_format.name.startswith("yuvj"))
