"""Videos made for tests, and what is in one."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result
from command_line import assert_refused
from conftest import osprey
from numpy.typing import NDArray

av = pytest.importorskip("av", reason="PyAV is not installed: pip install 'amsr-deploy[video]'")

LARGER = (64, 96)
"""libx265 damages its memory with sides of less than 64 pixels."""
MILLISECONDS = Fraction(1, 1000)
SIZE = (32, 48)


def assert_nothing_made(result: Result, folder: Path, *parts: str) -> None:
    """Check that a command was refused in a line of these parts, and that only the inputs are in the folder."""
    assert_refused(result, *parts)
    assert not [path for path in folder.iterdir() if path.name.startswith((".", "out"))]


def pictures(count: int, size: tuple[int, int] = SIZE) -> list[NDArray[np.uint8]]:
    """A photo over which a square moves."""
    photo = np.asarray(osprey().convert("RGB").crop((150, 40, 150 + size[1], 40 + size[0])))
    frames = []
    for k in range(count):
        frame = photo.copy()
        frame[8:16, k % 30 : k % 30 + 8] ^= 255
        frames.append(frame)
    return frames


def make(
    path: Path,
    count: int = 5,
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    size: tuple[int, int] = SIZE,
    times: Sequence[int] | None = None,
    sound: bool = False,
    options: dict[str, str] | None = None,
    unit: Fraction = MILLISECONDS,
    chapters: Sequence[dict[str, Any]] = (),
    container_options: dict[str, str] | None = None,
    **tags: Any,
) -> Path:
    """A clip of 25 frames a second; its times are in a unit of seconds."""
    with av.open(str(path), "w", container_options=container_options) as file:
        file.set_chapters(list(chapters))
        stream = file.add_stream(codec, rate=25, options={"crf": "5", "bf": "2", **(options or {})})
        stream.height, stream.width = size
        stream.pix_fmt = pixel_format
        stream.codec_context.time_base = unit
        for name, value in tags.items():
            setattr(stream.codec_context, name, value)
        audio = file.add_stream("aac", rate=44100) if sound else None
        for k, picture in enumerate(pictures(count, size)):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = (times[k] if times else 40 * k), unit
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
        for k in range(8 if audio else 0):
            tone = av.AudioFrame.from_ndarray(np.full((1, 1024), 0.1, np.float32), format="fltp", layout="mono")
            tone.sample_rate, tone.pts = 44100, 1024 * k
            file.mux(audio.encode(tone))
        if audio:
            file.mux(audio.encode(None))
    return path


def times_of(path: Path, kind: str = "video") -> list[float]:
    with av.open(str(path)) as file:
        return [round(float(frame.pts * frame.time_base), 3) for frame in file.decode(**{kind: 0})]


def frames_of(path: Path) -> list[NDArray[Any]]:
    with av.open(str(path)) as file:
        return [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]


def packets_of(path: Path, kind: str) -> list[bytes]:
    with av.open(str(path)) as file:
        (stream,) = getattr(file.streams, kind)
        return [bytes(packet) for packet in file.demux(stream) if packet.size]
