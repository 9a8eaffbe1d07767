"""What `amsr doctor` shows: what is installed, what is missing, and the consequences."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import platform
from collections.abc import Iterator

import click

from amsr_deploy import __version__, native
from amsr_deploy.dependencies import PACKAGES, install_command
from amsr_deploy.descriptor import Purpose
from amsr_deploy.errors import AmsrError, BackendError
from amsr_deploy.runtime.backends.gpu import find_gpu
from amsr_deploy.runtime.backends.tensorrt import cuda, edition, plugins, registry
from amsr_deploy.runtime.shipped import shipped_models

CONSEQUENCES = {
    "onnxruntime": "amsr infer cannot run",
    "PIL": "pictures cannot be read",
    "OpenImageIO": "16-bit pictures cannot be read",
    "isal": "PNG and TIFF cannot be written",
    "rich": "commands that show tables or progress cannot run",
    "torch": "amsr export, train and bench cannot run",
    "safetensors": "amsr export, train and bench cannot run",
    "onnx": "amsr export, bench, inspect and build-engine cannot run",
    "onnx_ir": "amsr export and bench cannot run",
    "onnxscript": "amsr export and bench cannot run",
    "skimage": "amsr eval cannot run",
    "matplotlib": "amsr eval --plot cannot run",
    "av": "amsr video cannot run",
    "pillow_heif": "HEIC pictures cannot be read",
    "ray": "amsr infer --ray cannot run",
    "openvino": "amsr bench --openvino cannot run",
    "filelock": "amsr train cannot run",
    "tensorboard": "amsr train writes no curves",
}
"""Modules in the order in which users need them, and the consequence of their absence; NumPy and platformdirs are
needed to show this."""
FOR_ENGINES = {
    "pycuda": "engines need cuda-bindings (see cuda)",
    "cuda-bindings": "engines need PyCUDA, and run without CUDA graphs (see cuda)",
}
"""Packages one of which engines need, and the consequence of their absence."""
BUILDS = ("onnxruntime", "onnxruntime-gpu", "onnxruntime-openvino", "onnxruntime-directml")
"""Packages that hold ONNX Runtime."""


def run() -> int:
    """Show what there is, and return the exit code: 1 where commands cannot run."""
    for thing, state in examine():
        click.echo(f"{thing:<14}{state}")
    return 0 if is_sound() else 1


def examine() -> Iterator[tuple[str, str]]:
    """List pairs of a thing and its state."""
    yield "amsr-deploy", __version__
    yield "python", f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    for module, cost in CONSEQUENCES.items():
        package, extra = PACKAGES[module]
        version = installed_version(*(BUILDS if module == "onnxruntime" else (module, package)))
        yield package, version or f"missing: {cost}; run: {install_command(package, extra)}"
    for package, cost in FOR_ENGINES.items():
        yield package, installed_version(package) or f"missing: {cost}"
    yield "models", models("clean") or "none: give your own with --model"
    yield "for photos", models("photo") or "none: `amsr infer --for photo` and the like cannot run"
    for name in edition.MODULES:
        yield name, tensorrt(name)
    yield "gpu", gpu()
    yield "cuda", cuda.describe()
    yield "engines in", str(registry.cache_folder())
    yield "devices", devices()
    yield "kernels", kernels()


def installed_version(*names: str) -> str | None:
    """Return the version of a package that has one of these names, and which build of ONNX Runtime it is; or None."""
    for name in names:
        try:
            return f"{importlib.metadata.version(name)}{f' ({name})' if name in BUILDS[1:] else ''}"
        except importlib.metadata.PackageNotFoundError:
            continue
    return None


def models(trained_for: Purpose) -> str:
    """List the options that choose the shipped models for a purpose."""
    purpose = "" if trained_for == "clean" else f"--for {trained_for} "
    return ", ".join(
        f"{purpose}--backbone {backbone} --scale {scale}" for backbone, scale in shipped_models(trained_for=trained_for)
    )


def tensorrt(name: str) -> str:
    """Describe an edition of TensorRT, and how it runs the `amsr` operators."""
    try:
        found = edition.load_edition(name)
        library = plugins.plugin_library() if found.has_plugins else None
    except AmsrError as error:
        return f"missing: {error}"
    if not found.has_plugins:
        return f"{found.version}, masked operators as standard ones"
    return f"{found.version}, " + (
        f"plugins {library}" if library else "no plugins: masked operators as standard ones, slower (docs/plugins.md)"
    )


def gpu() -> str:
    """Describe the GPU."""
    try:
        return str(find_gpu())
    except BackendError as error:
        return f"none: {error}"


def devices() -> str:
    """List the values that `--device` can take here."""
    if importlib.util.find_spec("onnxruntime") is None:
        return "none"
    from amsr_deploy.runtime.backends.providers import available_devices

    found = available_devices()
    others = "" if "cuda" in found else " (for cuda, replace onnxruntime by onnxruntime-gpu; others: docs/deploy.md)"
    return f"{', '.join(found)}{others}"


def is_sound() -> bool:
    """Tell whether commands can run: not where AMSR_CPU_ISA names an instruction set that the processor lacks."""
    try:
        native.inspect()
    except BackendError:
        return False
    return True


def kernels() -> str:
    """Describe how the `amsr` operators run on the CPU."""
    try:
        code = native.inspect()
    except BackendError as error:
        return str(error)
    if code is None:
        return "missing: masked networks run as ONNX functions, often slower than dense; reinstall with a C++ compiler"
    others = ", ".join(name for name in code.available if name != code.instruction_set)
    return f"{code.instruction_set} (also available: {others}; {native.ISA_VARIABLE} chooses), in {code.library}"
