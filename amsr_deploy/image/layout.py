"""What is known of a picture file before its first strip."""

from __future__ import annotations

from dataclasses import dataclass, field

from amsr_deploy.image.deflate import Compression
from amsr_deploy.image.picture import Metadata

STRIP_BYTES = 1 << 20


@dataclass(frozen=True)
class Layout:
    """How a picture lies in its file.

    Attributes:
        size: height and width in pixels.
        channels: 1 (grey), 2 (grey, alpha), 3 (RGB) or 4 (RGB, alpha).
        bits: of a sample, 8 or 16.
        metadata: what is written besides, for a picture of this size.
        compression: see `WriteOptions`.
    """

    size: tuple[int, int]
    channels: int
    bits: int
    metadata: Metadata = field(default_factory=Metadata)
    compression: Compression = "fast"

    @property
    def strip_rows(self) -> int:
        """Rows of a strip; the last one may have fewer."""
        return max(1, STRIP_BYTES // (self.size[1] * self.channels * self.bits // 8))
