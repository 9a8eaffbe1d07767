"""What is tried: each reader with its files."""

from __future__ import annotations

import struct
import tempfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fuzzing.seeds import Seed, checkpoints, encoded, exif_pictures, models, photo, pictures, sidecars, videos

if TYPE_CHECKING:
    from amsr_deploy.image import Picture

FRAMES = 4
"""Frames that a decoder may hold."""


@dataclass(frozen=True)
class Reader:
    """What is tried.

    Attributes:
        seeds: makes whole files: their suffixes and contents.
        read: reads a file, and returns its pixels; may raise an AmsrError.
    """

    seeds: Callable[[], list[Seed]]
    read: Callable[[Path], int]


def read_picture(path: Path) -> int:
    """Read a picture, and write it twice as large where it is small: what was read must be fit to be written."""
    from amsr_deploy import image

    picture = image.read(path)
    height, width = picture.size
    if height * width <= 1 << 16:
        larger = twice(picture)
        with tempfile.TemporaryDirectory() as folder:
            image.write(Path(folder, "larger.tif"), larger)
            image.write(Path(folder, "larger.png"), larger)
    return height * width


def twice(picture: Picture) -> Picture:
    """Make a picture twice as large by repeated pixels, and all that is said of it."""

    def repeated(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        return pixels.repeat(2, axis=0).repeat(2, axis=1)

    height, width = picture.size
    return replace(
        picture,
        rgb=repeated(picture.visible),
        alpha=None if picture.alpha is None else repeated(picture.alpha),
        metadata=picture.metadata.scaled(picture.size, (2 * height, 2 * width)),
    )


def read_exif(path: Path) -> int:
    """Read and write EXIF data in a JPEG and in a PNG."""
    data = path.read_bytes()[: (1 << 16) - 10]
    exif = data if data.startswith(b"Exif\0\0") else b"Exif\0\0" + data
    jpeg = encoded(photo(), ".jpg", {})
    png = encoded(photo(), ".png", {})
    path.write_bytes(jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + jpeg[2:])
    read_picture(path)
    chunk = b"eXIf" + exif[6:]
    path.write_bytes(
        png[:33] + struct.pack(">I", len(exif) - 6) + chunk + struct.pack(">I", zlib.crc32(chunk)) + png[33:]
    )
    return read_picture(path)


def read_mask(path: Path) -> int:
    """Read a mask for a picture of its size."""
    from amsr_deploy import image

    return int(image.read_mask(path, image.read(path).size).size)


def read_model(path: Path) -> int:
    """Read a model's metadata, and use it."""
    from amsr_deploy.model_file import read_metadata

    read_metadata(path).cost.share(0.5)
    return 0


def read_engine(path: Path) -> int:
    """Read the sidecar of an engine, and use it."""
    from amsr_deploy.runtime.backends.tensorrt.sidecar import read_sidecar

    engine = path.with_suffix(".engine")
    engine.touch()
    sidecar = read_sidecar(engine)
    _ = sidecar.largest, sidecar.model.cost.share(0.5)
    return 0


def read_weights(path: Path) -> int:
    """Read a network from a checkpoint."""
    from amsr_deploy.models.checkpoint import read_network

    read_network(path)
    return 0


def read_video(path: Path) -> int:
    """Read the first frames of a video, and make pictures of two."""
    from amsr_deploy.video.reader import Decoded
    from amsr_deploy.video.reader import Reader as VideoReader

    reader = VideoReader(path)
    try:
        for number, item in zip(range(32), reader.items(), strict=False):
            if isinstance(item, Decoded) and item.frame is not None and number < 2:
                item.rgb()
        _ = reader.frames
        height, width = reader.size
        return FRAMES * height * width
    finally:
        reader.close()


READERS = {
    "picture": Reader(pictures, read_picture),
    "mask": Reader(pictures, read_mask),
    "exif": Reader(exif_pictures, read_exif),
    "onnx": Reader(models, read_model),
    "sidecar": Reader(sidecars, read_engine),
    "checkpoint": Reader(checkpoints, read_weights),
    "video": Reader(videos, read_video),
}
