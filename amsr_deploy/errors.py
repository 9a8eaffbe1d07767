"""The exception family: everything that the package raises on purpose."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from importlib.util import find_spec


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


class MissingDependencyError(AmsrError):
    """A package that is not installed."""

    def __init__(self, package: str, extra: str | None, purpose: str) -> None:
        """Say what needs the package, and what to install: an extra, or (None) that package again."""
        verb = "are" if ", " in package else "is"
        super().__init__(
            f"{purpose} needs {package}, which {verb} not installed; run: {install_command(package, extra)}"
        )


def install_command(package: str, extra: str | None) -> str:
    """Return what installs a package: an extra, or (None) that package again."""
    return install_extra(extra) if extra else f"pip install --force-reinstall {package.replace(' ', '')}"


def install_extra(extra: str) -> str:
    """Return what installs an extra, in double quotes: cmd.exe would take single ones for a part of the name."""
    return f'pip install "amsr-deploy[{extra}]"'


PACKAGES: dict[str, tuple[str, str | None]] = {
    "OpenImageIO": ("OpenImageIO", None),
    "PIL": ("Pillow", None),
    "isal": ("isal", None),
    "numpy": ("NumPy", None),
    "onnxruntime": ("ONNX Runtime", None),
    "platformdirs": ("platformdirs", None),
    "rich": ("rich", None),
    "torch": ("torch", "torch"),
    "onnx": ("onnx", "onnx"),
    "onnx_ir": ("onnx-ir", "torch"),
    "onnxscript": ("onnxscript", "torch"),
    "safetensors": ("safetensors", "torch"),
    "skimage": ("scikit-image", "eval"),
    "tensorboard": ("tensorboard", "train"),
    "openvino": ("openvino", "openvino"),
    "matplotlib": ("matplotlib", "plots"),
    "av": ("PyAV", "video"),
    "pillow_heif": ("pillow-heif", "heic"),
    "ray": ("Ray", "ray"),
}
"""Modules that we import, the packages that hold them, and the extras that install those; None: always installed."""


EXPORT_MODULES = ("torch", "safetensors", "onnx", "onnx_ir", "onnxscript")
"""Modules that an export needs; the extra `torch` brings them."""


def check_modules(modules: Iterable[str], extra: str, purpose: str) -> None:
    """Check that modules are there, before the first import that fails names one of them.

    Args:
        modules: keys of PACKAGES.
        extra: that brings them all.
        purpose: what needs them.

    Raises:
        MissingDependencyError: one or more are not.
    """
    if missing := [PACKAGES[module][0] for module in modules if find_spec(module) is None]:
        raise MissingDependencyError(", ".join(missing), extra, purpose)


def missing_dependency(error: ModuleNotFoundError) -> MissingDependencyError | None:
    """Turn a failed import into a message for the user; None where the module is none of our dependencies."""
    module = (error.name or "").partition(".")[0]
    return MissingDependencyError(*PACKAGES[module], "this command") if module in PACKAGES else None


def with_options(message: str, options: Mapping[str, str]) -> str:
    """Name options of a command line where a message names arguments in backquotes.

    Args:
        message: such as "set `device` to cpu".
        options: option of each argument, such as `--device`; other words in backquotes stay as they are.
    """
    return re.sub(r"`(\w+)`", lambda match: options.get(match[1], match[0]), message)


def one_line(text: str) -> str:
    """Show what would break a line or command a terminal, which names of files may hold, as escape sequences."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f]", lambda match: ascii(match[0])[1:-1], text)


def counted(count: int, thing: str) -> str:
    """Say how many there are of a thing: `1 frame`, `2 frames`."""
    return f"{count} {thing}{'' if count == 1 else 's'}"


def first_line(error: Exception) -> str:
    """Return the first line of an error's message, or the name of its type where it has none."""
    return (str(error).splitlines() or [type(error).__name__])[0]
