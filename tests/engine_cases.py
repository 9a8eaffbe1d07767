"""Engines without TensorRT: sidecars and files, as `amsr build-engine` writes them."""

from __future__ import annotations

import dataclasses
import platform
from pathlib import Path
from typing import Any

from amsr_deploy.engine.shapes import make_profile, make_sizes
from amsr_deploy.metadata import Metadata
from amsr_deploy.runtime.backends.gpu import Gpu
from amsr_deploy.runtime.backends.onnxruntime import OnnxRuntimeBackend
from amsr_deploy.runtime.backends.tensorrt.sidecar import Sidecar, digest, sidecar_path

ORIN = Gpu("Orin", (8, 7), 8 << 30, (12, 6))
HERE = f"{platform.system()} {platform.machine()}"
DATA = b"an engine"


def metadata_of(model: Path) -> Metadata:
    return OnnxRuntimeBackend(model, "cpu").metadata


def make_sidecar(metadata: Metadata, **changes: Any) -> Sidecar:
    """The sidecar of an engine that TensorRT for RTX built for pictures up to 64x96."""
    sidecar = Sidecar(
        model=metadata,
        source="fsrcnn_x4.onnx",
        edition="tensorrt-rtx",
        version="1.7.1.116",
        platform=HERE,
        gpu=None,
        compute_capability=(8, 0),
        profile=make_profile(metadata, make_sizes((8, 8), None, (64, 96), metadata)),
        plugins=None,
        sha256=digest(DATA),
        command="amsr build-engine fsrcnn_x4.onnx --edition tensorrt-rtx",
    )
    return dataclasses.replace(sidecar, **changes)


def write_engine(path: Path, sidecar: Sidecar) -> Path:
    path.write_bytes(DATA)
    sidecar.write(sidecar_path(path))
    return path
