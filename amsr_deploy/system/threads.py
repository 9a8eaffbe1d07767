"""Whether the system lets this process start more threads."""

from __future__ import annotations

import errno
import os

NO_THREADS = "the system starts no more threads; let this user or container have more (ulimit -u, pids.max)"
"""What to say where a thread cannot start."""
_WORDS = ("can't start new thread", "pthread_create failed")
"""Of Python, and of ONNX Runtime."""


def lacks_threads(error: BaseException) -> bool:
    """Tell whether an error says that a thread cannot start: one of Python, ONNX Runtime or FFmpeg.

    FFmpeg has the system's words only. A pipe that does not block has the same number, and words of Python's own.
    """
    if isinstance(error, BlockingIOError):
        return error.strerror == os.strerror(errno.EAGAIN)
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _WORDS)
