"""ONNX Runtime as a backend: runs an exported ONNX on the CPU, through CUDA or another execution provider."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from amsr_deploy import native
from amsr_deploy.descriptor import Device
from amsr_deploy.errors import BackendError, ModelError, UserError
from amsr_deploy.metadata import SELECTIONS, Metadata
from amsr_deploy.model_file import read_metadata, read_single_file
from amsr_deploy.numeric import is_whole
from amsr_deploy.runtime.backends.base import OutOfMemoryError, SelectionInputs
from amsr_deploy.runtime.backends.gpu import find_gpu
from amsr_deploy.runtime.backends.providers import CPU, PROVIDERS, WITH_KERNELS, add_provider, runs_on_cpu
from amsr_deploy.system.processor import compute_threads, usable_cores
from amsr_deploy.system.threads import NO_THREADS, lacks_threads
from amsr_deploy.wording import first_line

_OUT_OF_MEMORY = ("bad_alloc", "bad allocation", "failed to allocate", "out of memory")

_log = logging.getLogger(__name__)


class OnnxRuntimeBackend:
    """An exported model in ONNX Runtime.

    Attributes:
        metadata: what the model says about itself.
        model: the model's file name.
        name: the backend as it is shown to users.
        device: where it runs; never `auto`.
        device_memory: bytes of the memory of an NVIDIA GPU; None elsewhere.
        is_local: on the CPU with the native kernels, whose convolutions sum in one order, wherever a pixel is; not
            those of windows.
    """

    concurrency = 1
    largest: tuple[int, int] | None = None

    def __init__(self, model: Path, device: Device, threads: int | None = None) -> None:
        """Load a model.

        Args:
            model: an ONNX written by `amsr export`.
            device: where to run; `auto` is CUDA where ONNX Runtime has it and a GPU is there, else the CPU. Beside
                these, ONNX functions run in place of the native kernels.
            threads: CPU threads that work on an operator; None is one for each core.

        Raises:
            UserError: less than one thread.
            ModelError: a file that may not be read, not an ONNX, or not one of this project.
            BackendError: the device is not available, or there are no native kernels for a bfloat16 model.
        """
        options = session_options(threads)
        providers = add_provider(options, device)
        kernels = native.register(options) if device in WITH_KERNELS else None
        self.metadata: Metadata = read_metadata(model)
        content = read_single_file(model)
        try:
            session = _start(content, options, providers, device)
        except BackendError:
            raise
        except Exception as error:  # ONNX Runtime raises bare exceptions of many private types
            if kernels is None and self.metadata.precision == "bfloat16":
                remedy = "install the package again where there is a C++ compiler" if device in WITH_KERNELS else ""
                raise BackendError(
                    f"{model} computes in bfloat16, which needs the native kernels; "
                    f"{remedy or 'set `device` to cpu'}, or use the float32 model"
                ) from error
            raise ModelError(f"{model} cannot be loaded as an ONNX model: {first_line(error)}") from error
        self._session: ort.InferenceSession | None = session
        used = session.get_providers()[0]
        if device != "auto" and used != PROVIDERS[device].name:
            raise BackendError(f"device {device} was asked for, but ONNX Runtime could only start {used}")
        _check_signature(model, session, self.metadata)
        self.device = next(name for name, provider in PROVIDERS.items() if provider.name == used)
        self.device_memory = find_gpu().memory if self.device == "cuda" else None
        self.is_local = self.device == "cpu" and kernels is not None and self.metadata.body == "pixels"
        self.model = model.name
        self.name = f"onnxruntime {ort.__version__} {self.device}"
        if self.device != "cuda":
            self.name += f" ({kernels.instruction_set} kernels)" if kernels else " (ONNX functions)"

    def run(self, image: NDArray[np.float32], selection: SelectionInputs) -> NDArray[np.float32]:
        """Upscale [1, 3, H, W] in [0, 1] with the model's selection inputs -> [1, 3, sH, sW], s the model's scale.

        Raises:
            OutOfMemoryError: the picture is too large for the memory; a smaller tile may do.
            BackendError: it is closed, or ONNX Runtime fails.
        """
        session = self._session
        if session is None:
            raise BackendError(f"{self.model} is closed; load it again")
        try:
            return session.run(["sr"], {"image": image, **selection})[0]
        except Exception as error:
            if any(phrase in str(error).lower() for phrase in _OUT_OF_MEMORY):
                raise OutOfMemoryError(first_line(error)) from error
            raise BackendError(f"{self.model} does not run: {first_line(error)}") from error

    def close(self) -> None:
        """Drop the session, which releases what it holds."""
        self._session = None


def _start(
    content: bytes, options: ort.SessionOptions, providers: list[tuple[str, dict[str, str]]] | None, device: Device
) -> ort.InferenceSession:
    """Start a session; for `auto` on the CPU where CUDA does not start.

    ONNX Runtime's own fallback, which versions before 1.23 cannot be kept from, prints that on standard output, where
    a picture may go.

    Raises:
        BackendError: the device or its threads do not start.
    """
    try:
        return ort.InferenceSession(content, options, providers=providers, enable_fallback=0)
    except (RuntimeError, ValueError) as error:  # those of a model are of other types
        if lacks_threads(error):
            raise BackendError(NO_THREADS) from error
        if runs_on_cpu(device):
            raise
        if device != "auto":
            raise BackendError(f"device {device} does not start: {first_line(error)}") from error
        _log.warning("CUDA does not start, and the CPU is used: %s", first_line(error))
        return ort.InferenceSession(content, options, providers=[(CPU, {})], enable_fallback=0)


def _check_signature(model: Path, session: ort.InferenceSession, metadata: Metadata) -> None:
    """Raise ModelError where a network takes or makes something else than its metadata says."""
    selection = SELECTIONS[metadata.body] if metadata.masked else ()
    expected = {"image": "tensor(float)", **dict.fromkeys(selection, "tensor(int64)"), "sr": "tensor(float)"}
    found = {each.name: each.type for each in (*session.get_inputs(), *session.get_outputs())}
    if found != expected:
        raise ModelError(f"{model} takes and makes {_listed(found)}, but its metadata says {_listed(expected)}")


def _listed(tensors: dict[str, str]) -> str:
    return ", ".join(f"{name} {kind}" for name, kind in tensors.items())


def session_options(threads: int | None = None) -> ort.SessionOptions:
    """Make options of a session with some CPU threads, one for each core if not told, which sleep between runs.

    Raises:
        UserError: less than one thread, or no whole number.
    """
    if threads is not None and (not is_whole(threads) or threads < 1):
        raise UserError(f"{threads!r} threads cannot work; use 1 or more")
    if threads is not None and threads > (cores := usable_cores()):
        _log.warning("%d threads are more than the cores, which is slower; `threads` %d is taken", threads, cores)
        threads = cores
    options = ort.SessionOptions()
    options.log_severity_level = 3
    # Their number is always given: by itself ONNX Runtime knows no quotas of containers and ties each thread to a core.
    options.intra_op_num_threads = int(threads or compute_threads())
    options.add_session_config_entry("session.force_spinning_stop", "1")
    return options
