"""Writing a picture from top to bottom, so that it need not be in memory as a whole."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Protocol, cast

import numpy as np

from amsr_deploy.errors import ImageError
from amsr_deploy.files import replacing
from amsr_deploy.image.canvas import not_written
from amsr_deploy.image.layout import Layout
from amsr_deploy.image.png_encoder import PngEncoder
from amsr_deploy.image.samples import Samples, sample_type
from amsr_deploy.system.processor import usable_cores

_MAX_THREADS = 8
_MOST_WAITING = 16
"""Strips that may wait to be compressed and written, while the network makes the next ones."""


class Encoder(Protocol):
    """What turns strips into a file; `pack` runs in many threads at once."""

    def begin(self, file: BinaryIO) -> None:
        """Write what comes before the strips."""

    def pack(self, strip: Samples, above: Samples | None) -> bytes:
        """Compress a strip [h, W, C]; `above` is the row [W, C] over it."""

    def put(self, file: BinaryIO, packed: bytes) -> None:
        """Write a packed strip; they come in order."""

    def end(self, file: BinaryIO) -> None:
        """Write what comes after the strips."""


class StripWriter:
    """A PNG or TIFF file that is written from top to bottom; a TIFF of 4 GiB or more is a BigTIFF.

    Strips are compressed side by side in threads. The file appears under its name when it is complete. As a context
    manager it is closed where the block ends well, and aborted where it does not.

    Attributes:
        channels: 1 (grey), 2 (grey, alpha), 3 (RGB) or 4 (RGB, alpha).
        bits: of a sample, 8 or 16.

    Raises:
        ImageError: on writing and closing, where the disk is full or the folder cannot be written.
    """

    def __init__(self, path: Path, layout: Layout) -> None:
        """Open the file, whose suffix tells the format."""
        self.channels, self.bits = layout.channels, layout.bits
        self._path = path
        self._missing, width = layout.size
        self._shape = width, layout.channels
        self._dtype = sample_type(layout.bits)
        self._rows = layout.strip_rows
        self._strip, self._filled = self._new_strip(), 0
        self._above: Samples | None = None
        self._jobs: deque[Future[bytes]] = deque()
        self._encoder = _encoder(path, layout)
        self._threads = ThreadPoolExecutor(min(_MAX_THREADS, usable_cores()))
        self._open = ExitStack()
        try:
            temporary = self._open.enter_context(replacing(path))
            self._file = self._open.enter_context(temporary.open("wb"))
            self._encoder.begin(self._file)
        except OSError as error:
            raise self._failure(error) from error
        except BaseException:
            self.abort()
            raise

    def write(self, rows: Samples) -> None:
        """Append rows [h, W, C] of the type that `bits` asks for.

        Raises:
            ValueError: rows of another shape or type, or more than the picture has.
            ImageError: see the class.
        """
        if rows.shape[1:] != self._shape or rows.dtype != self._dtype:
            raise ValueError(f"rows are {rows.dtype} {rows.shape[1:]}, not {self._dtype} {self._shape}")
        if len(rows) > self._missing:
            raise ValueError(f"{len(rows)} rows are more than the {self._missing} that are missing")
        try:
            while len(rows):
                taken = rows[: len(self._strip) - self._filled]
                self._append(taken)
                rows = rows[len(taken) :]
        except OSError as error:
            raise self._failure(error) from error

    def close(self) -> None:
        """Finish the file and give it its name.

        Raises:
            ValueError: rows are missing.
            ImageError: see the class.
        """
        if self._missing:
            self.abort()
            raise ValueError(f"{self._missing} rows are missing")
        try:
            while self._jobs:
                self._put_first()
            self._encoder.end(self._file)
            self._open.close()
        except OSError as error:
            raise self._failure(error) from error
        except BaseException:
            self.abort()
            raise
        self._threads.shutdown()

    def abort(self) -> None:
        """Remove what is written; a file that was there before stays."""
        self._threads.shutdown(cancel_futures=True)
        self._jobs.clear()
        with suppress(_AbortedError, OSError):  # what is left in the file's buffer may not fit either
            self._open.__exit__(_AbortedError, _AbortedError(), None)

    def __enter__(self) -> StripWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, place: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        else:
            self.abort()

    def _new_strip(self) -> Samples:
        """Make room for a strip; the last one may be shorter."""
        return cast(Samples, np.empty((min(self._rows, self._missing), *self._shape), self._dtype))

    def _append(self, rows: Samples) -> None:
        """Copy rows to the strip, which has room for them, and hand it on where it is full."""
        self._strip[self._filled : self._filled + len(rows)] = rows
        self._filled += len(rows)
        self._missing -= len(rows)
        if self._filled == len(self._strip):
            self._submit(self._strip)
            self._strip, self._filled = self._new_strip(), 0

    def _submit(self, strip: Samples) -> None:
        if len(self._jobs) >= _MOST_WAITING:
            self._put_first()
        self._jobs.append(self._threads.submit(self._encoder.pack, strip, self._above))
        self._above = strip[-1]

    def _put_first(self) -> None:
        self._encoder.put(self._file, self._jobs.popleft().result())

    def _failure(self, error: OSError) -> ImageError:
        self.abort()
        return not_written(self._path, error)


def _encoder(path: Path, layout: Layout) -> Encoder:
    """Choose the encoder by the suffix."""
    if path.suffix.lower() not in (".tif", ".tiff"):
        return PngEncoder(layout)
    from amsr_deploy.image.tiff_encoder import TiffEncoder  # here, because Pillow's part of it takes a while to load

    return TiffEncoder(layout)


class _AbortedError(Exception):
    """Ends the writing of a file that is not wanted."""
