"""The execution providers of ONNX Runtime: which one a device stands for, which package brings it, how it starts."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec

import onnxruntime as ort

from amsr_deploy.dependencies import install_extra
from amsr_deploy.descriptor import Device
from amsr_deploy.errors import BackendError
from amsr_deploy.wording import first_line


@dataclass(frozen=True)
class Provider:
    """An execution provider.

    Attributes:
        name: as ONNX Runtime calls it.
        title: as users call it.
        install: what brings it.
        plugin: module of a package that adds it to any ONNX Runtime; None where there is none.
    """

    name: str
    title: str
    install: str
    plugin: str | None = None


def _replaced_by(package: str, extra: str | None = None) -> str:
    """Tell how to replace ONNX Runtime by another build, which an extra may bring: they hold the same module."""
    first, alone = (f"{install_extra(extra)} && ", "--no-deps ") if extra else ("", "")
    return f"replace it: {first}pip uninstall -y onnxruntime && pip install --force-reinstall {alone}{package}"


CPU = "CPUExecutionProvider"
PROVIDERS: dict[str, Provider] = {
    "cpu": Provider(CPU, "CPU", "pip install onnxruntime"),
    "cuda": Provider("CUDAExecutionProvider", "CUDA", _replaced_by("onnxruntime-gpu", "gpu")),
    "directml": Provider("DmlExecutionProvider", "DirectML", f"on Windows {_replaced_by('onnxruntime-directml')}"),
    "coreml": Provider("CoreMLExecutionProvider", "Core ML", "on macOS it comes with: pip install onnxruntime"),
    "openvino": Provider(
        "OpenVINOExecutionProvider", "OpenVINO", _replaced_by("onnxruntime-openvino"), "onnxruntime_ep_openvino"
    ),
    "webgpu": Provider(
        "WebGpuExecutionProvider", "WebGPU", "add it: pip install onnxruntime-ep-webgpu", "onnxruntime_ep_webgpu"
    ),
}
"""Execution providers by the device that stands for them."""
WITH_KERNELS = ("auto", "cpu", "cuda")
"""Devices for which the native kernels are registered; on the others the ONNX functions run."""


def available_devices() -> list[str]:
    """List the devices that ONNX Runtime can be asked for here; whether they start is seen when they do."""
    built_in = ort.get_available_providers()
    return [device for device, each in PROVIDERS.items() if each.name in built_in or _has_plugin(each)]


def runs_on_cpu(device: Device) -> bool:
    """Tell whether a device is the CPU for ONNX Runtime as it is built; CUDA may still fail to start for `auto`."""
    has_cuda = PROVIDERS["cuda"].name in ort.get_available_providers()
    return device == "cpu" or (device == "auto" and not has_cuda)


def add_provider(options: ort.SessionOptions, device: Device) -> list[tuple[str, dict[str, str]]] | None:
    """Prepare a session for a device, and list the execution providers to give it, best first, with their options.

    Args:
        options: of the session; a plugin is added to them.
        device: where to run; `auto` is CUDA where ONNX Runtime has it, else the CPU.

    Returns:
        None where the options have the provider already.

    Raises:
        BackendError: the provider was asked for and is not there, or finds no device.
    """
    if runs_on_cpu(device):
        # From the second run of a size on, memory patterns take the memory twice, and no less time.
        options.enable_mem_pattern = False
        return [(CPU, {})]
    chosen: Device = "cuda" if device == "auto" else device
    provider = PROVIDERS[chosen]
    if provider.name in ort.get_available_providers():
        return [(provider.name, _settings(options, chosen)), (CPU, {})]
    if not _has_plugin(provider):
        raise BackendError(
            f"device {device} was asked for, but this ONNX Runtime has no {provider.title}; {provider.install}"
        )
    options.add_provider_for_devices(_plugin_devices(provider)[:1], {})
    return None


def _settings(options: ort.SessionOptions, device: Device) -> dict[str, str]:
    """Load what a built-in provider needs, and give its options what they must agree with."""
    if device == "cuda":
        _load_cuda()
    if device == "directml":
        options.enable_mem_pattern = False  # DirectML refuses sessions that have it
    if device == "openvino":
        ort.set_default_logger_severity(options.log_severity_level)  # OpenVINO warns of constants that it folds
        return {"num_of_threads": str(options.intra_op_num_threads)}
    return {}


@cache
def _load_cuda() -> None:
    """Load CUDA and cuDNN out of NVIDIA's packages, where pip put them; what that prints is no output of ours."""
    with redirect_stdout(sys.stderr):
        ort.preload_dlls()


def _has_plugin(provider: Provider) -> bool:
    return provider.plugin is not None and find_spec(provider.plugin) is not None


@cache
def _plugin_devices(provider: Provider) -> list[ort.OrtEpDevice]:
    """Load the plugin of a provider, and list what it can run on here.

    Raises:
        BackendError: it does not load, or there is nothing.
    """
    module = import_module(str(provider.plugin))
    package = str(provider.plugin).replace("_", "-")
    try:
        ort.register_execution_provider_library(provider.name, module.get_library_path())
    except Exception as error:  # ONNX Runtime raises bare exceptions of many private types
        raise BackendError(
            f"{package} does not load into ONNX Runtime {ort.__version__}: {first_line(error)}"
        ) from error
    found = [each for each in ort.get_ep_devices() if each.ep_name == provider.name]
    if not found:
        raise BackendError(f"{package} finds no device on this machine for {provider.title}")
    return found
