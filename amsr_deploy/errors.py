"""The exception family: everything that the package raises on purpose."""

from __future__ import annotations


class AmsrError(Exception):
    """Base of all errors with a message meant for the user: what is wrong, with the value; what to do."""

    exit_code = 1


class UserError(AmsrError):
    """An argument or an input that cannot be used."""

    exit_code = 2


class FileError(AmsrError):
    """A file or folder that is not there or not as it must be, is in the way, or cannot be written."""


class ImageError(AmsrError):
    """A picture that cannot be read, used as it was asked for, or written."""


class ModelError(AmsrError):
    """A model file or a checkpoint that cannot be used."""


class BackendError(AmsrError):
    """A requested backend that is not available on this machine."""


class EngineError(AmsrError):
    """An engine that cannot be built or loaded."""


class VideoError(AmsrError):
    """A video that cannot be read or written."""


class TrainingError(AmsrError):
    """A training that cannot start or continue."""
