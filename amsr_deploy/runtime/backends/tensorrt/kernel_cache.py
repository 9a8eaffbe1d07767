"""Keeps the kernels that TensorRT for RTX compiled on this machine, so that the next start need not compile them."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

from platformdirs import user_cache_path

from amsr_deploy.files import write_cache
from amsr_deploy.runtime.backends.gpu import Gpu


def cache_file(sha256: str, version: str, gpu: Gpu) -> Path:
    """Return the file that keeps the kernels of an engine for a GPU."""
    name = f"{sha256[:16]}_{version}_{gpu.name.replace(' ', '-')}.kernels"
    return user_cache_path("amsr-deploy") / "kernels" / name


class KernelCache:
    """Makes execution contexts that share compiled kernels, with a file behind them.

    TensorRT for RTX compiles the kernels of a shape during its first runs, which use generic ones meanwhile.
    """

    def __init__(self, trt: ModuleType, engine: Any, file: Path) -> None:
        """Read the file where it is there; kernels of another driver or version are compiled again.

        Args:
            trt: the module of TensorRT for RTX.
            engine: a `trt.ICudaEngine`.
            file: keeps the kernels.
        """
        self._trt, self._engine, self._file = trt, engine, file
        self._config = engine.create_runtime_config()
        self._config.set_execution_context_allocation_strategy(trt.ExecutionContextAllocationStrategy.USER_MANAGED)
        self._config.cuda_graph_strategy = trt.CudaGraphStrategy.WHOLE_GRAPH_CAPTURE
        self._cache = self._config.create_runtime_cache()
        stored = file.read_bytes() if file.is_file() else b""
        self._saved = len(stored)
        if stored:
            self._cache.deserialize(stored)
        self._config.set_runtime_cache(self._cache)

    def compile_first(self) -> None:
        """Let contexts that are made from now on compile the kernels of a shape before its first run."""
        strategies = self._trt.DynamicShapesKernelSpecializationStrategy
        self._config.dynamic_shapes_kernel_specialization_strategy = strategies.EAGER

    def create_context(self) -> Any:
        """Create a `trt.IExecutionContext`; None where TensorRT fails."""
        return self._engine.create_execution_context(self._config)

    def save(self) -> None:
        """Write the file where there are new kernels; the context of CUDA must be active."""
        serialized = self._cache.serialize()
        data = b"" if serialized is None else bytes(serialized)
        if not data or len(data) == self._saved:
            return
        write_cache(self._file, data, "compiled kernels")
        self._saved = len(data)
