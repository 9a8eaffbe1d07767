"""Where a picture is read from: a file of any name, or a pipe."""

from __future__ import annotations

import io
import logging
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from amsr_deploy.errors import ImageError
from amsr_deploy.files import not_kept

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Source:
    """An open picture file.

    Attributes:
        path: as the user named it.
        file: its bytes, which can be read from any place.
    """

    path: Path
    file: BinaryIO

    def warn(self, message: str) -> None:
        """Tell the user what is not as it should be."""
        _log.warning("%s: %s", self.path, message)

    def rewound(self) -> BinaryIO:
        """Return the file, at its beginning."""
        self.file.seek(0)
        return self.file

    def head(self, count: int) -> bytes:
        """Read the first bytes."""
        return self.rewound().read(count)

    def data(self) -> bytes:
        """Read all bytes."""
        return self.rewound().read()

    @contextmanager
    def plain_path(self, suffix: str, least: int = 0) -> Iterator[Path]:
        """Give the file a name that every library takes: in UTF-8, and of a file that can be read from any place.

        Args:
            suffix: of its format, for a copy: by it a library says what is wrong with the file.
            least: bytes that the library reads in any case; a shorter file gets zeros at its end.
        """
        missing = max(least - self.file.seek(0, os.SEEK_END), 0)
        if isinstance(self.file, io.BufferedReader) and _is_plain(self.path) and not missing:
            yield self.path
            return
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder, f"picture{suffix}")
            try:
                with copy.open("wb") as target:
                    shutil.copyfileobj(self.rewound(), target)
                    target.write(bytes(missing))
            except OSError as error:
                raise ImageError(not_kept(f"a copy of {self.path}", error)) from error
            yield copy


def _is_plain(path: Path) -> bool:
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True


@contextmanager
def open_source(path: Path) -> Iterator[Source]:
    """Open a picture file; what comes from a pipe is read into memory first.

    Raises:
        ImageError: a folder, a device, or nothing in it.
        OSError: the file is missing or may not be read.
    """
    kind = path.stat().st_mode
    if stat.S_ISDIR(kind):
        raise ImageError(f"{path} is a folder; give a picture")
    if stat.S_ISCHR(kind) or stat.S_ISBLK(kind):
        raise ImageError(f"{path} is a device; give a picture")
    with path.open("rb") as opened:
        file: BinaryIO = opened if stat.S_ISREG(kind) else io.BytesIO(opened.read())
        source = Source(path, file)
        if file.seek(0, os.SEEK_END) == 0:
            raise ImageError(f"{path} is empty (0 bytes); give a picture")
        yield source
