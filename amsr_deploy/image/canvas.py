"""Writing a picture in a format whose library needs all of its pixels at once: they are held as the file's samples."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from amsr_deploy.errors import ImageError
from amsr_deploy.files import replacing
from amsr_deploy.image.samples import Samples


class Canvas(Protocol):
    """A picture in memory on its way to a library."""

    def put(self, rows: Samples, top: int) -> None:
        """Take rows [h, W, C] over, of which the first is the row `top`."""

    def encode(self) -> bytes:
        """Make the file."""


class CanvasWriter:
    """A file that is encoded when all of its rows are there; see `strips.StripWriter`.

    Attributes:
        channels: 1 (grey), 2 (grey, alpha), 3 (RGB) or 4 (RGB, alpha).
        bits: of a sample, 8 or 16.

    Raises:
        ImageError: at the end of the block, where the disk is full or the folder cannot be written.
    """

    def __init__(self, path: Path, channels: int, bits: int, canvas: Canvas) -> None:
        """Take the name of the file, how its samples are, and where they go."""
        self.channels, self.bits = channels, bits
        self._path, self._canvas, self._done = path, canvas, 0

    def write(self, rows: Samples) -> None:
        """Append rows [h, W, C]."""
        self._canvas.put(rows, self._done)
        self._done += len(rows)

    def __enter__(self) -> CanvasWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            return
        content = self._canvas.encode()
        try:
            with replacing(self._path) as temporary:
                temporary.write_bytes(content)
        except OSError as error:
            raise not_written(self._path, error) from error


def not_written(path: Path, error: OSError) -> ImageError:
    """Make the error of a picture that the disk did not take."""
    return ImageError(f"{path} cannot be written ({error.strerror}); free space or choose another folder")
