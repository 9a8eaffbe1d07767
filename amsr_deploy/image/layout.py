"""What is known of a picture file before its first strip."""

from __future__ import annotations

from dataclasses import dataclass

from amsr_deploy.image.deflate import Compression
from amsr_deploy.image.picture import Metadata


@dataclass(frozen=True)
class Layout:
    """How a picture lies in its file.

    Attributes:
        size: height and width in pixels.
        channels: 1 (grey), 2 (grey, alpha), 3 (RGB) or 4 (RGB, alpha).
        bits: of a sample, 8 or 16.
        strip_rows: rows of a strip; the last strip may have fewer.
        metadata: what is written besides.
        compression: see `WriteOptions`.
    """

    size: tuple[int, int]
    channels: int
    bits: int
    strip_rows: int
    metadata: Metadata
    compression: Compression
