"""Standard input and output, as FFmpeg reads and writes them."""

from __future__ import annotations

import sys

from amsr_deploy.files import write_standard


class StandardInput:
    """What comes from standard input.

    Attributes:
        count: bytes that were read, so far.
    """

    def __init__(self) -> None:
        self.count = 0

    def read(self, size: int) -> bytes:
        """Read as many bytes, or fewer at the end."""
        content = sys.stdin.buffer.read(size)
        self.count += len(content)
        return content


class StandardOutput:
    """Standard output as FFmpeg writes to it, which does not look whether all is taken."""

    def write(self, content: bytes) -> None:
        """Write all of it."""
        write_standard(content)
