"""Checks whether an engine fits this machine: TensorRT's own messages come late and name no remedy."""

from __future__ import annotations

import platform
from pathlib import Path

from amsr_deploy.errors import EngineError
from amsr_deploy.runtime.backends.gpu import Gpu
from amsr_deploy.runtime.backends.tensorrt.edition import Edition
from amsr_deploy.runtime.backends.tensorrt.sidecar import Sidecar, digest


def check_machine(engine: Path, sidecar: Sidecar, gpu: Gpu, edition: Edition) -> None:
    """Raise EngineError where an engine was built for another GPU, TensorRT or system.

    Engines of `tensorrt` hold for one kind of GPU and one version. Those of `tensorrt-rtx` hold for all GPUs that it
    knows from a compute capability on; TensorRT for RTX itself checks their version when it loads them.
    """
    least = sidecar.compute_capability
    if sidecar.gpu is None:
        if gpu.compute_capability < least or not edition.runs_on(gpu.compute_capability):
            raise EngineError(
                f"{engine} does not fit this machine: it expects an RTX GPU of sm_{least[0]}{least[1]} or newer that "
                f"{edition.name} {edition.version} knows, found {gpu}; "
                "build with `amsr build-engine --edition tensorrt`, or set `device` to cuda"
            )
        return
    here = f"{platform.system()} {platform.machine()}"
    if here != sidecar.platform:
        _refuse(engine, sidecar, sidecar.platform, here)
    if edition.version != sidecar.version:
        _refuse(engine, sidecar, f"{sidecar.edition} {sidecar.version}", f"{edition.name} {edition.version}")
    if gpu.compute_capability != least:
        _refuse(engine, sidecar, "{} (sm_{}{})".format(sidecar.gpu, *least), f"{gpu.name} ({gpu.architecture})")


def check_file(engine: Path, sidecar: Sidecar, data: bytes) -> None:
    """Raise EngineError where an engine file is not the one that its sidecar describes."""
    if digest(data) != sidecar.sha256:
        raise EngineError(
            f"{engine} is damaged, or its .json belongs to another engine; copy both again, or build it again: "
            f"{sidecar.command}"
        )


def _refuse(engine: Path, sidecar: Sidecar, expected: str, found: str) -> None:
    raise EngineError(
        f"{engine} does not fit this machine: it expects {expected}, found {found}; build it here: {sidecar.command}"
    )
