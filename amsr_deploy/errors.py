"""The exception family: everything that the package raises on purpose."""

from __future__ import annotations


class AmsrError(Exception):
    """Base of all errors with a message meant for the user: what is wrong, with the value; what to do."""

    exit_code = 1


class UserError(AmsrError):
    """An argument or an input that cannot be used."""

    exit_code = 2


class ImageError(AmsrError):
    """A picture that cannot be read or written."""


class ModelError(AmsrError):
    """A model file or a checkpoint that cannot be used."""


class BackendError(AmsrError):
    """A backend that was asked for and cannot be had on this machine."""


class EngineError(AmsrError):
    """An engine that cannot be built or loaded."""


class TrainingError(AmsrError):
    """A training run that cannot start or go on."""


class MissingDependencyError(AmsrError):
    """An optional package that is not installed."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(f"{purpose} needs {package}, which is not installed; run: pip install 'amsr-deploy[{extra}]'")


def first_line(error: Exception) -> str:
    """The first line of an error's message, or the name of its type where it has none."""
    return (str(error).splitlines() or [type(error).__name__])[0]
