"""Chooses the backend that runs a model on this machine (docs/architecture.md)."""

from __future__ import annotations

import logging
from pathlib import Path

from amsr_deploy.descriptor import DEVICES, Device, PrecisionChoice
from amsr_deploy.errors import BackendError, EngineError, UserError
from amsr_deploy.model_file import read_metadata
from amsr_deploy.runtime.backends.base import Backend
from amsr_deploy.runtime.backends.gpu import find_gpu
from amsr_deploy.runtime.backends.onnxruntime import OnnxRuntimeBackend
from amsr_deploy.runtime.backends.precision import choose_precision
from amsr_deploy.runtime.backends.providers import runs_on_cpu
from amsr_deploy.runtime.backends.tensorrt.registry import engine_folders, find_engines, is_in_cache

_log = logging.getLogger(__name__)


def load_tensorrt(engine: Path, own_code: bool) -> Backend:
    """Load an engine in TensorRT; see `tensorrt.backend.open_engine`."""
    from amsr_deploy.runtime.backends.tensorrt.backend import open_engine  # here, because other backends need none

    return open_engine(engine, own_code)


def open_backend(
    model: Path, device: Device, threads: int | None = None, precision: PrecisionChoice | None = None
) -> Backend:
    """Load a model where it runs best, or where it is wanted.

    Args:
        model: an ONNX that `amsr export` wrote, or an engine that `amsr build-engine` wrote.
        device: `tensorrt`, `cuda` or `cpu`; `auto` is the first of them that is available, with a
            warning where an engine is there and not used. The others are execution providers of ONNX Runtime.
        threads: CPU threads of ONNX Runtime; None is one for each core.
        precision: of the arithmetic on the CPU; None is that of the file.

    Raises:
        UserError: an unknown device, or one that cannot run an engine.
        BackendError, EngineError, ModelError: the requested device is not available, and why.
    """
    if device not in DEVICES:
        raise UserError(f"unknown device {device!r}; use one of: {', '.join(DEVICES)}")
    if model.suffix == ".engine":
        if device not in ("auto", "tensorrt"):
            raise UserError(f"{model} is an engine: it runs on device tensorrt, not on {device}")
        return load_tensorrt(model, own_code=True)
    if device in ("auto", "tensorrt"):
        engine = _open_engine_of(model, device)
        if engine is not None:
            return engine
    return open_session(model, "auto" if device == "tensorrt" else device, threads, precision)


def open_session(
    model: Path, device: Device, threads: int | None, precision: PrecisionChoice | None
) -> OnnxRuntimeBackend:
    """Load a model in ONNX Runtime, on the CPU in the precision that is wanted.

    Raises:
        UserError: an unknown precision.
        BackendError: a device or a precision that cannot be had.
        ModelError: a file that is no model of this project.
    """
    session = None if runs_on_cpu(device) else OnnxRuntimeBackend(model, device, threads)
    if session is None or session.device == "cpu":  # CUDA may be built in and not start
        return OnnxRuntimeBackend(choose_precision(model, precision), "cpu", threads)
    if precision == "bfloat16":
        raise BackendError(f"precision bfloat16 is for the CPU, and device {session.device} is not; use float16 there")
    return session


def _open_engine_of(model: Path, device: Device) -> Backend | None:
    """Open the first engine of a model that loads; None where `auto` may use another backend.

    Raises:
        BackendError: device tensorrt, but no engine, nor a GPU that could run one; says what is missing.
        EngineError: device tensorrt, but no engine, or none that loads.
        ModelError: a file that is no model of this project.
    """
    folders = engine_folders(model)
    names: dict[str, list[str]] = {}
    for engine in find_engines(folders, model.name, read_metadata(model)):
        try:
            return load_tensorrt(engine, own_code=is_in_cache(engine))
        except (BackendError, EngineError) as error:
            names.setdefault(str(error), []).append(engine.name)
    reasons = [f"{', '.join(named)} {'are' if named[1:] else 'is'} not used: {error}" for error, named in names.items()]
    if device == "auto":
        for reason in reasons:
            _log.warning("%s", reason)
        return None
    if reasons:
        raise EngineError("; ".join(reasons))
    check_gpu()
    places = ", ".join(str(folder) for folder in folders)
    raise EngineError(f"no engine of {model.name} in {places}; run: amsr build-engine {model}")


def check_gpu() -> None:
    """Raise BackendError where an engine could not run: there is no driver, no GPU, or nothing that calls them."""
    from amsr_deploy.runtime.backends.tensorrt.cuda import open_cuda  # here, because other backends need none

    find_gpu()
    open_cuda()
