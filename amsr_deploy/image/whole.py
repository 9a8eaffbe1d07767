"""Writing a picture in a format whose library needs all of its pixels at once: they are held as the file's samples."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

from amsr_deploy.errors import ImageError
from amsr_deploy.files import replacing
from amsr_deploy.image.samples import Samples

Encode = Callable[[Iterator[Samples]], bytes]
"""Makes a file of strips from top to bottom, which are in memory until they are taken."""


class WholeWriter:
    """A file that is encoded when all of its rows are there; see `strips.StripWriter`.

    Attributes:
        channels: 1 (grey), 2 (grey, alpha), 3 (RGB) or 4 (RGB, alpha).
        bits: of a sample, 8 or 16.

    Raises:
        ImageError: at the end of the block, where the disk is full or the folder cannot be written.
    """

    def __init__(self, path: Path, channels: int, bits: int, encode: Encode) -> None:
        """Take the name of the file, how its samples are, and what makes it."""
        self.channels, self.bits = channels, bits
        self._path, self._encode = path, encode
        self._strips: deque[Samples] = deque()

    def write(self, rows: Samples) -> None:
        """Append rows [h, W, C]."""
        self._strips.append(rows.copy())  # the caller may use its rows again

    def __enter__(self) -> WholeWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._finish()

    def _finish(self) -> None:
        data = self._encode(self._taken())
        try:
            with replacing(self._path.resolve()) as temporary:  # the place of a link stays
                temporary.write_bytes(data)
        except OSError as error:
            raise ImageError(
                f"{self._path} cannot be written ({error.strerror}); free space or choose another folder"
            ) from error

    def _taken(self) -> Iterator[Samples]:
        while self._strips:
            yield self._strips.popleft()
