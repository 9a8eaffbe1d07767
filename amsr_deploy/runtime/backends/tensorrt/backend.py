"""TensorRT as a backend: runs an engine that `amsr build-engine` wrote, in either edition."""

from __future__ import annotations

import logging
import queue
import threading
import weakref
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from amsr_deploy.errors import BackendError, EngineError
from amsr_deploy.metadata import Metadata
from amsr_deploy.runtime.backends.base import SelectionInputs
from amsr_deploy.runtime.backends.gpu import Gpu, find_gpu
from amsr_deploy.runtime.backends.tensorrt import buckets
from amsr_deploy.runtime.backends.tensorrt.check import check_file, check_machine
from amsr_deploy.runtime.backends.tensorrt.cuda import Cuda, open_cuda
from amsr_deploy.runtime.backends.tensorrt.edition import Edition, load_edition
from amsr_deploy.runtime.backends.tensorrt.kernel_cache import KernelCache, cache_file
from amsr_deploy.runtime.backends.tensorrt.log import start
from amsr_deploy.runtime.backends.tensorrt.plugins import load_plugins, plugin_library
from amsr_deploy.runtime.backends.tensorrt.sidecar import Sidecar, read_sidecar
from amsr_deploy.runtime.backends.tensorrt.stream import GpuStream, LoadedEngine, Shape
from amsr_deploy.system.processor import usable_cores

STREAMS = 2
"""Pictures that are copied and computed at once, each on its stream."""
MOST_AT_ONCE = 16
"""Pictures at a time at most, whatever the processor: each takes main memory."""

_log = logging.getLogger(__name__)


class TensorRtBackend:
    """An engine on the GPU. It may be run from several threads at once.

    Attributes:
        metadata: what the model says about itself.
        model: the engine's file name.
        name: the backend as it is shown to users.
        concurrency: runs that may overlap.
        largest: height and width of the largest picture that it takes at once.
        is_local: no, TensorRT chooses kernels by shapes.
        network: the engine itself.
    """

    is_local = False
    device_memory: int | None = None

    def __init__(self, engine: Path, sidecar: Sidecar, network: LoadedEngine, cuda: Cuda, host: str) -> None:
        """Take a loaded engine; `open_engine` loads one.

        Args:
            engine: its file.
            sidecar: what that says about itself.
            network: the engine.
            cuda: the GPU.
            host: software, version and GPU, for users.
        """
        self.metadata: Metadata = sidecar.model
        self.model, self.name = engine.name, host
        self.largest: tuple[int, int] | None = sidecar.largest
        self.network = network
        # Beside the pictures on the streams, others are read and written.
        self.concurrency = max(STREAMS + 1, min(usable_cores(), MOST_AT_ONCE))
        self._profile = sidecar.profile
        self._closing = threading.Lock()
        streams: list[GpuStream] = []
        self._give_back = weakref.finalize(self, _close, streams, network, cuda)  # at exit too, before CUDA is closed
        with ExitStack() as unless_ready:
            unless_ready.callback(self._give_back)
            while len(streams) < STREAMS:
                streams.append(GpuStream(network, cuda))
            unless_ready.pop_all()
        self._streams: queue.SimpleQueue[GpuStream] = queue.SimpleQueue()
        for stream in streams:
            self._streams.put(stream)

    def run(self, image: NDArray[np.float32], selection: SelectionInputs) -> NDArray[np.float32]:
        """Upscale [1, 3, H, W] in [0, 1] with the model's selection inputs -> [1, 3, sH, sW], s the model's scale.

        Raises:
            EngineError: the picture is outside of what the engine was built for.
            OutOfMemoryError: the picture is too large for the GPU's memory; a smaller tile may do.
            BackendError: TensorRT's message.
        """
        self._check_size(image.shape)
        everything = image.shape[2] * image.shape[3] // self.metadata.window_size**2
        padded = {name: buckets.pad(index, everything) for name, index in selection.items()}
        stream = self._streams.get()
        try:
            return stream.run({"image": np.ascontiguousarray(image), **padded})
        finally:
            self._streams.put(stream)

    def close(self) -> None:
        """Wait for running pictures and free everything; a second call does nothing."""
        with self._closing:  # two threads that took a stream each would wait for ever
            streams = [self._streams.get() for _ in range(STREAMS)]
            self._give_back()
            for stream in streams:  # they refuse to run
                self._streams.put(stream)

    def _check_size(self, shape: tuple[int, ...]) -> None:
        low, _, high = self._profile["image"]
        if not all(least <= side <= most for least, side, most in zip(low, shape, high, strict=True)):
            raise EngineError(
                f"{self.model} takes pictures from {low[2]}x{low[3]} to {high[2]}x{high[3]}, not {shape[2]}x{shape[3]} "
                "(with borders); build one with other sizes (`amsr build-engine --min-shape ... --max-shape ...`)"
            )


def _close(streams: Sequence[GpuStream], network: LoadedEngine, cuda: Cuda) -> None:
    for stream in streams:
        stream.close()
    with cuda.active():
        network.close()


def open_engine(engine: Path, own_code: bool = True) -> TensorRtBackend:
    """Load an engine.

    Args:
        engine: the file that `amsr build-engine` wrote, with its sidecar beside it.
        own_code: whether the plugins in it may run, which are native code: not those of an engine that merely lies in
            some folder. Those of this machine may.

    Raises:
        EngineError: it is not one, is damaged, or does not fit this machine; says what was expected and found.
        BackendError: there is no GPU, no TensorRT, neither PyCUDA nor cuda-bindings; says which.
    """
    return load_engine(engine, *read_engine(engine), own_code)


def read_engine(engine: Path) -> tuple[Sidecar, bytes, Gpu, Edition, Cuda]:
    """Read what `load_engine` takes of an engine that fits this machine; see `open_engine`."""
    sidecar = read_sidecar(engine)
    gpu = find_gpu()
    edition = load_edition(sidecar.edition)
    check_machine(engine, sidecar, gpu, edition)
    data = engine.read_bytes()
    check_file(engine, sidecar, data)
    return sidecar, data, gpu, edition, open_cuda()


def load_engine(
    engine: Path, sidecar: Sidecar, data: bytes, gpu: Gpu, edition: Edition, cuda: Cuda, own_code: bool = True
) -> TensorRtBackend:
    """Load an engine that is known to fit this machine; see `open_engine`.

    Args:
        engine: its file name.
        sidecar: what it says about itself.
        data: the engine.
        gpu: of this machine.
        edition: what runs it.
        cuda: the GPU, opened.
        own_code: whether its own plugins may run.
    """
    with cuda.active():
        network = Engine(engine, sidecar, edition, gpu, data, cuda.has_graphs, own_code)
    return TensorRtBackend(engine, sidecar, network, cuda, f"{edition.name} {edition.version} {gpu.name}")


class Engine:
    """A deserialised engine, as `stream.LoadedEngine`."""

    output = "sr"

    def __init__(
        self,
        path: Path,
        sidecar: Sidecar,
        edition: Edition,
        gpu: Gpu,
        data: bytes,
        captures_graphs: bool,
        own_code: bool = True,
    ) -> None:
        """Deserialise an engine; the arguments are those of `open_engine` and what that found.

        Raises:
            EngineError: TensorRT's message.
            BackendError: TensorRT does not start.
        """
        self._name, self._trt = path.name, edition.trt
        own_plugins = own_code and sidecar.plugins is not None
        self._deserialize(edition, own_plugins, data)
        if self._engine is None and sidecar.plugins and plugin_library():
            if own_plugins:
                said = self._messages.summary()
                _log.warning(
                    "%s does not load with its own plugins (%s); trying those of this machine", path.name, said
                )
            load_plugins(edition)
            self._deserialize(edition, own_plugins, data)
        if self._engine is None:
            advice = f"build it again: {sidecar.command}"
            if sidecar.plugins and not own_code:
                advice = f"if you trust it, name it as `model`: its own plugins run only then; else {advice}"
            said = self._messages.summary()
            raise EngineError(f"{edition.name} {edition.version} cannot load {path.name}: {said}; {advice}")
        self.kernels: KernelCache | None = None
        if edition.compiles_at_load:
            self.kernels = KernelCache(edition.trt, self._engine, cache_file(sidecar.sha256, edition.version, gpu))
        self.captures_graphs = captures_graphs and self.kernels is None
        self._messages.clear()

    def _deserialize(self, edition: Edition, own_plugins: bool, data: bytes) -> None:
        """Deserialise in a runtime of its own: one that has registered an engine's plugins refuses them again."""
        self._runtime, self._messages = start(edition, edition.trt.Runtime)
        self._runtime.engine_host_code_allowed = own_plugins
        self._engine = self._runtime.deserialize_cuda_engine(data)

    def create_context(self) -> Any:
        """Create a `trt.IExecutionContext` without memory of its own."""
        if self.kernels:  # TensorRT captures graphs itself, again for each better kernel
            self.kernels.save()
            context = self.kernels.create_context()
        else:
            allocation = self._trt.ExecutionContextAllocationStrategy.USER_MANAGED
            context = self._engine.create_execution_context(allocation)
        if context is None:
            raise self.failure()
        return context

    def set_shapes(self, context: Any, shapes: Mapping[str, Shape]) -> None:
        """Set the shapes of a context's next inputs."""
        for name, shape in shapes.items():
            if not context.set_input_shape(name, shape):
                raise self.failure()

    def failure(self) -> BackendError:
        """Make an error of what TensorRT said since the last failure."""
        return self._messages.failure(self._name)

    def close(self) -> None:
        """Save compiled kernels, and free the engine."""
        if self.kernels:
            self.kernels.save()
        self.kernels = self._engine = self._runtime = None
