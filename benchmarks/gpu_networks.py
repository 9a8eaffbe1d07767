"""Whole networks on the GPU, masked and dense: in ONNX Runtime's CUDA provider, and as engines of TensorRT."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from cases import Case, make_case
from numpy.typing import NDArray
from paper.published import MILLISECONDS
from photo import SIZES

from amsr_deploy import native
from amsr_deploy.errors import BackendError
from amsr_deploy.evaluation.bench.timing import medians
from amsr_deploy.evaluation.bench.twins import shipped_backbones
from amsr_deploy.runtime.backends.base import SelectionInputs
from amsr_deploy.runtime.backends.gpu import find_gpu
from amsr_deploy.runtime.backends.onnxruntime import OnnxRuntimeBackend, session_options
from amsr_deploy.runtime.backends.providers import PROVIDERS, add_provider
from amsr_deploy.runtime.backends.tensorrt.backend import Engine, TensorRtBackend, open_engine
from amsr_deploy.runtime.backends.tensorrt.cuda import Cuda, open_cuda
from amsr_deploy.runtime.backends.tensorrt.edition import MODULES, load_edition
from amsr_deploy.runtime.backends.tensorrt.stream import GpuStream, LoadedEngine
from amsr_deploy.runtime.shipped import shipped_model
from amsr_deploy.wording import first_line

MAX_SHAPE = "1088x1920"
AIMS = {"fsrcnn": 3, "carn": 8, "srresnet": 14}
WARM_UP, REPEATS = 3, 20
HEADER = (
    "| backbone | picture | share | MACs | dense ms | masked ms | masked / dense | aim | off by | with copies |\n"
    "|---|---|---|---|---|---|---|---|---|---|"
)

Result = NDArray[np.float32]


@dataclass(frozen=True)
class Comparison:
    """A masked network and its dense twin on a picture.

    Attributes:
        backbone: the network's name.
        masked: its file.
        dense: that of its twin.
        cost_share: multiply-accumulates of the masked network as a share of the dense one's.
        case: the picture.
    """

    backbone: str
    masked: Path
    dense: Path
    cost_share: float
    case: Case


@dataclass(frozen=True)
class Loaded:
    """A model and a picture on the GPU; each call ends when the GPU has ended.

    Attributes:
        compute: runs the model, everything on the GPU before and after.
        upscale: copies from main memory, runs the model, copies back: [1, 3, sH, sW], s the model's scale.
    """

    compute: Callable[[], object]
    upscale: Callable[[], Result]


class Host(Protocol):
    """Runs models on the GPU."""

    def load(
        self, model: Path, image: NDArray[np.float32], selection: SelectionInputs
    ) -> AbstractContextManager[Loaded]:
        """Put a model and a picture on the GPU until the block ends.

        Raises:
            Exception: what the host says where it cannot.
        """


def table(host: Host, photo: Path, folder: Path) -> Iterator[str]:
    """Write rows of all backbones and sizes; the row of a network that a host cannot run holds the host's message."""
    yield (
        f"float16 inside; medians of {REPEATS} runs. Share: masked pixels (kept windows) of the photo's own mask. "
        "MACs: share of the dense network's. Aim at 4K: milliseconds (the paper's, of an unnamed GPU); masked / dense: "
        "at most MACs + 0.10. Off by: largest difference from float32 on the CPU, of [0, 1]. With copies: masked, from "
        "main memory and back.\n"
    )
    yield HEADER
    for backbone in shipped_backbones():
        for size in SIZES:
            try:
                yield row(compare(backbone, photo, size, folder), host)
            except Exception as error:  # ONNX Runtime raises bare exceptions of many private types
                yield f"| {backbone} | {size[0]} x {size[1]} | {first_line(error)} |" + " |" * 7


def row(comparison: Comparison, host: Host) -> str:
    """Measure a comparison."""
    backbone, case = comparison.backbone, comparison.case
    height, width = case.image.shape[2:]
    with (
        host.load(comparison.dense, case.image, {}) as dense,
        host.load(comparison.masked, case.image, case.selection) as masked,
    ):
        took = medians({"dense": dense.compute, "masked": masked.compute}, REPEATS, WARM_UP)
        took |= medians({"copies": masked.upscale}, REPEATS, WARM_UP)
        result = masked.upscale()
    times = f"{1e3 * took['dense']:.2f} | {1e3 * took['masked']:.2f} | {took['masked'] / took['dense']:.2f}"
    is_4k = width == SIZES[1][0] and backbone in AIMS
    aim = f"{AIMS[backbone]} ({MILLISECONDS['4K'][backbone]})" if is_4k else ""
    expected = reference(comparison) if width == SIZES[0][0] else None
    error = "" if expected is None else f"{np.abs(result - expected).max():.1e}"
    shares = f"{case.density:.2f} | {comparison.cost_share:.2f}"
    return f"| {backbone} | {width} x {height} | {shares} | {times} | {aim} | {error} | {1e3 * took['copies']:.2f} |"


def compare(backbone: str, photo: Path, size: tuple[int, int], folder: Path) -> Comparison:
    """Export both forms of a backbone, and make a photo of a size for them."""
    masked, dense = export(backbone, folder, "masked"), export(backbone, folder, "dense")
    metadata = OnnxRuntimeBackend(masked, "cpu").metadata
    case = make_case(photo, size, metadata)
    return Comparison(backbone, masked, dense, metadata.cost.share(case.density), case)


@cache
def export(backbone: str, folder: Path, form: str) -> Path:
    """Export the shipped weights in float16 into a folder; `form` is masked or dense."""
    path = folder / f"{backbone}_{form}.onnx"
    options = ["--dense"] if form == "dense" else []
    amsr("export", "--backbone", backbone, "--fp16", *options, "--output", str(path))
    return path


def reference(comparison: Comparison) -> Result:
    """Compute what float32 gives on the CPU."""
    case = comparison.case
    return OnnxRuntimeBackend(shipped_model(comparison.backbone), "cpu").run(case.image, case.selection)


def amsr(*words: str) -> None:
    """Run a command of the package.

    Raises:
        BackendError: it failed; says why.
    """
    done = subprocess.run([sys.executable, "-m", "amsr_deploy", *words], capture_output=True, text=True)
    if done.returncode != 0:
        raise BackendError(f"amsr {words[0]}: {done.stderr.strip()}")


class CudaProvider:
    """ONNX Runtime with the custom operators on its CUDA provider."""

    def __init__(self) -> None:
        """Find the provider.

        Raises:
            BackendError: this ONNX Runtime has none.
        """
        import onnxruntime

        self._ort = onnxruntime
        add_provider(session_options(), "cuda")

    @contextmanager
    def load(self, model: Path, image: NDArray[np.float32], selection: SelectionInputs) -> Iterator[Loaded]:
        """Load as `Host` does."""
        ort = self._ort
        options = session_options()
        native.register(options)
        session = ort.InferenceSession(model, options, providers=add_provider(options, "cuda"))
        if session.get_providers()[0] != PROVIDERS["cuda"].name:
            raise BackendError("ONNX Runtime could not start its CUDA provider")
        binding = session.io_binding()
        for name, value in {"image": image, **selection}.items():
            binding.bind_ortvalue_input(name, ort.OrtValue.ortvalue_from_numpy(value, "cuda", 0))
        binding.bind_output("sr", "cuda")
        binding.synchronize_inputs()

        def compute() -> None:
            session.run_with_iobinding(binding)
            binding.synchronize_outputs()

        yield Loaded(compute, lambda: session.run(["sr"], {"image": image, **selection})[0])


class Engines:
    """Engines that `amsr build-engine` makes with an edition of TensorRT, in this project's runtime."""

    def __init__(self, edition: str) -> None:
        """Find the edition, the GPU and a way to it.

        Raises:
            BackendError: one of them is missing.
        """
        self.edition, self._cuda = load_edition(edition), open_cuda()
        if not self.edition.runs_on(find_gpu().compute_capability):
            raise BackendError(f"{edition} {self.edition.version} does not know this GPU")

    @contextmanager
    def load(self, model: Path, image: NDArray[np.float32], selection: SelectionInputs) -> Iterator[Loaded]:
        """Load as `Host` does; all sizes of a model run the same engine."""
        backend = open_backend(model, self.edition.name)
        with computing(backend.network, self._cuda, {"image": image, **selection}) as compute:
            yield Loaded(compute, partial(backend.run, image, selection))


@lru_cache(maxsize=2)  # the masked and the dense network of a backbone: more would fill the GPU
def open_backend(model: Path, edition: str) -> TensorRtBackend:
    """Open the engine of a model; its kernels are compiled before they are timed."""
    backend = open_engine(build(model, edition, model.parent))
    if isinstance(backend.network, Engine) and backend.network.kernels:
        backend.network.kernels.compile_first()
    return backend


def build(model: Path, edition: str, folder: Path) -> Path:
    """Build the engine of a model in a folder."""
    engine = folder / f"{model.stem}.{edition}.engine"
    amsr("build-engine", str(model), "--edition", edition, "--max-shape", MAX_SHAPE, "--output", str(engine))
    return engine


@contextmanager
def computing(network: LoadedEngine, cuda: Cuda, inputs: dict[str, NDArray[Any]]) -> Iterator[Callable[[], None]]:
    """Put an engine's data on the GPU, and yield what runs it; as a CUDA graph where the runtime makes one."""
    stream = GpuStream(network, cuda)
    try:
        with cuda.active():
            for _ in range(3):  # in the context of all shapes, in one of its own, and captured
                stream.compute(prepared := stream.upload(inputs))
            yield partial(stream.compute, prepared)
    finally:
        stream.close()


def hosts() -> Iterator[tuple[str, Callable[[], Host]]]:
    """List titles and makers of all that runs whole networks."""
    yield "ONNX Runtime CUDA", CudaProvider
    for edition in MODULES:
        yield edition, partial(Engines, edition)
