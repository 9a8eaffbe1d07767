"""The packages that parts of this one need, and what is said where one is missing."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec

from amsr_deploy.errors import AmsrError


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
    "filelock": ("filelock", "train"),
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
