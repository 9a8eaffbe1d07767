"""What of a video's pictures and tags its upscaled copy does not hold."""

from __future__ import annotations

from collections.abc import Iterator

from amsr_deploy.video.hdr import side_data
from amsr_deploy.video.reader import Reader
from amsr_deploy.video.truncation import Y4M_FORMAT

CARRIED = {
    "A53_CC": "closed captions in the pictures are",
    "SPHERICAL": "the mark of a 360-degree video is",
    "STEREO3D": "the mark of a stereoscopic video is",
}
"""What frames carry beside their pixels, by FFmpeg's name of it, and what users call it."""
STEREO_TAG = "stereo_mode"
"""By which Matroska keeps that mark."""
OF_THE_INPUT = ("alpha_mode", "encoder")
"""Tags that hold for the stream of the input only."""
STATISTICS = "_STATISTICS_"
"""What mkvmerge's tags begin with that say which other tags it counted: bytes, bits a second."""


def left_out(reader: Reader, container: str) -> Iterator[str]:
    """Say what of a video is lost in a container; streams of files are named where they are copied."""
    first, tags = reader.first, reader.stream.metadata
    if any(component.is_alpha for component in first.format.components) or "alpha_mode" in tags:
        yield "transparency is left out"
    for name, lost in CARRIED.items():
        is_kept = name == "STEREO3D" and STEREO_TAG in tags and container == "matroska"
        if side_data(first, name) is not None and not is_kept:
            yield f"{lost} left out"
    if container == Y4M_FORMAT and first.rotation:
        yield f"y4m holds no rotation; turn the pictures by {first.rotation} degrees"
    if container == Y4M_FORMAT and len(reader.container.streams) > 1:
        yield "y4m holds pictures only: audio and all other streams are left out"


def still_true(tags: dict[str, str]) -> dict[str, str]:
    """Choose the tags of a stream of pictures that hold for the upscaled one, too."""
    counted = {word for name, value in tags.items() if name.startswith(STATISTICS) for word in value.split()}
    stale = {*OF_THE_INPUT, *(name.lower() for name in counted)}
    return {
        name: value
        for name, value in tags.items()
        if not name.startswith(STATISTICS) and name.lower().partition("-")[0] not in stale
    }
