"""Kernels that TensorRT for RTX compiled on this machine, kept so that the next start does without."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

from platformdirs import user_cache_path

from amsr_deploy.files import replacing
from amsr_deploy.runtime.gpu import Gpu


def cache_file(sha256: str, version: str, gpu: Gpu) -> Path:
    """Where the kernels of an engine for a GPU are kept."""
    name = f"{sha256[:16]}_{version}_{gpu.name.replace(' ', '-')}.kernels"
    return user_cache_path("amsr-deploy") / "kernels" / name


class KernelCache:
    """Makes execution contexts that share compiled kernels, with a file behind them."""

    def __init__(self, trt: ModuleType, engine: Any, file: Path) -> None:
        """Read the file where it is there; kernels of another driver or version are compiled again.

        Args:
            trt: the module of TensorRT for RTX.
            engine: a `trt.ICudaEngine`.
            file: keeps the kernels.
        """
        self._engine, self._file = engine, file
        self._config = engine.create_runtime_config()
        self._config.set_execution_context_allocation_strategy(trt.ExecutionContextAllocationStrategy.USER_MANAGED)
        self._config.cuda_graph_strategy = trt.CudaGraphStrategy.WHOLE_GRAPH_CAPTURE
        self._cache = self._config.create_runtime_cache()
        stored = file.read_bytes() if file.is_file() else b""
        self._saved = len(stored)
        if stored:
            self._cache.deserialize(stored)
        self._config.set_runtime_cache(self._cache)

    def create_context(self) -> Any:
        """A new `trt.IExecutionContext`, or None where TensorRT fails; what it compiled is kept."""
        context = self._engine.create_execution_context(self._config)
        self._save()
        return context

    def _save(self) -> None:
        """Write the file where there are new kernels."""
        data = bytes(self._cache.serialize())
        if len(data) == self._saved:
            return
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with replacing(self._file) as temporary:
            temporary.write_bytes(data)
        self._saved = len(data)
