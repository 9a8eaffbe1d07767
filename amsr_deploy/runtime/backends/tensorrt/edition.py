"""The two editions of TensorRT: which are installed, and which one to take."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from types import ModuleType

from amsr_deploy.dependencies import install_extra
from amsr_deploy.errors import BackendError
from amsr_deploy.wording import first_line

MODULES = {"tensorrt": ("tensorrt",), "tensorrt-rtx": ("tensorrt_rtx", "tensorrt_rtx_bindings")}
"""The modules that offer an edition's Python API; wheels of TensorRT for RTX bring the second one alone."""
SHORT_NAMES = {"tensorrt": "trt", "tensorrt-rtx": "rtx"}
"""As they stand in the names of engine files."""
OLDEST = (10, 3)
"""First version of `tensorrt` whose plugins may write to their input."""
RTX_CAPABILITIES = ((8, 0), (8, 6), (8, 9), (12, 0), (12, 1))
"""Compute capabilities that engines of TensorRT for RTX run on, as of `RTX_VERSION`: no sm_90, which is the H100."""
RTX_VERSION = "1.7"
_INSTALL = {
    "tensorrt": "install NVIDIA's TensorRT 10.3 or later, on Jetson that of JetPack (docs/deploy.md)",
    "tensorrt-rtx": f"run: {install_extra('tensorrt-rtx')}",
}


@dataclass(frozen=True)
class Edition:
    """An installed TensorRT."""

    name: str
    """`tensorrt` or `tensorrt-rtx`."""
    trt: ModuleType
    """The module with the TensorRT Python API."""

    @property
    def version(self) -> str:
        """All parts of its version, such as 10.3.0.26."""
        return str(self.trt.__version__)

    @property
    def label(self) -> str:
        """As it stands in the names of engine files: `rtx-1.7`."""
        return f"{SHORT_NAMES[self.name]}-{'.'.join(self.version.split('.')[:2])}"

    @property
    def has_plugins(self) -> bool:
        """Whether its engines have the plugins of this project; docs/plugins.md says why those for RTX do not."""
        return self.name == "tensorrt"

    @property
    def compiles_at_load(self) -> bool:
        """Whether it compiles kernels for the GPU when an engine is loaded, and keeps them in a cache."""
        return self.name == "tensorrt-rtx"

    @property
    def builds_without_gpu(self) -> bool:
        """Whether it compiles for GPUs that are not there."""
        return self.name == "tensorrt-rtx"

    def runs_on(self, capability: tuple[int, int]) -> bool:
        """Tell whether its engines run on a compute capability.

        TensorRT for RTX supports no Jetson and few server GPUs; Turing it knows, but by default does not build for.
        """
        if self.name == "tensorrt":
            return True
        known = getattr(self.trt, "ComputeCapability", None)
        is_known = known is None or "SM{}{}".format(*capability) in known.__members__
        return is_known and capability >= RTX_CAPABILITIES[0]


def load_edition(name: str) -> Edition:
    """Load an installed edition.

    Raises:
        BackendError: it is not installed, does not load, or is too old.
    """
    reason = "is not installed"
    for module in MODULES[name]:
        try:
            edition = Edition(name, importlib.import_module(module))
        except ModuleNotFoundError:
            continue
        except (ImportError, OSError, RuntimeError) as error:  # a library that it needs is missing or does not fit
            reason = f"does not load ({first_line(error)})"
            continue
        if name == "tensorrt" and version_numbers(edition.version)[:2] < OLDEST:
            raise BackendError(f"tensorrt {edition.version} is too old; {_INSTALL[name]}")
        return edition
    raise BackendError(f"{name} {reason}; {_INSTALL[name]}")


def rtx_gpus(least: tuple[int, int] = RTX_CAPABILITIES[0]) -> str:
    """List the GPUs that TensorRT for RTX knows from a compute capability on: `sm_80, 86, ... in version 1.7`."""
    known = ", ".join(f"{major}{minor}" for major, minor in RTX_CAPABILITIES if (major, minor) >= least)
    return f"sm_{known} in version {RTX_VERSION}"


def version_numbers(version: str) -> tuple[int, ...]:
    """Split a version into numbers, for comparing: 10.13.0.35 -> (10, 13, 0, 35)."""
    return tuple(int(part) for part in version.split(".") if part.isdigit())


def choose_builder(has_gpu: bool) -> Edition:
    """Choose the edition that builds the fastest engines that can be built on this machine.

    Args:
        has_gpu: whether there is a GPU to time kernels on.

    Raises:
        BackendError: there is none.
    """
    reasons = []
    for name in MODULES:
        try:
            edition = load_edition(name)
        except BackendError as error:
            reasons.append(str(error))
            continue
        if has_gpu or edition.builds_without_gpu:
            return edition
        reasons.append(f"{name} builds on a machine with a GPU only")
    raise BackendError("no TensorRT can build here: " + "; ".join(reasons))
