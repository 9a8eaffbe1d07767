"""What works on pictures elsewhere: it takes their bytes, and gives back those of the files that are made of them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from amsr_deploy import __version__
from amsr_deploy.commands.messages import shown_as
from amsr_deploy.commands.pictures.file_upscaler import FileUpscaler, InferReport
from amsr_deploy.commands.pictures.inputs import Input
from amsr_deploy.commands.pictures.outputs import Naming
from amsr_deploy.commands.pictures.pipeline import Pipeline, Turn
from amsr_deploy.commands.pictures.request import InferRequest
from amsr_deploy.commands.upscalers import at_once, check_masked, load_upscalers
from amsr_deploy.descriptor import BACKBONES
from amsr_deploy.errors import BackendError
from amsr_deploy.runtime.newest import describe_model
from amsr_deploy.runtime.settings import PictureSettings
from amsr_deploy.runtime.shipped import origin


@dataclass(frozen=True)
class Job:
    """What workers are to do with all pictures.

    Attributes:
        request: what is wanted.
        settings: keyword arguments of `loading.load`, with the model: the name of a backbone, or a path that each
            machine has.
        weights: of that file; see `weights_of`.
        version: of this package, which workers must have too.
    """

    request: InferRequest
    settings: PictureSettings
    weights: str | None
    version: str = __version__


@dataclass
class MemoryOutputs:
    """The files that a worker makes of a picture, in memory.

    Attributes:
        naming: how the outputs are named.
        size: the output's, in file names.
        files: bytes of the result and of the comparison, by their names.
    """

    naming: Naming
    size: str = ""
    files: dict[Path, bytes] = field(default_factory=dict)

    def target(self, source: Input, size: str) -> Path:
        """Name the result as `Outputs.target` does, which the other machine asks when it arrives."""
        self.size = size
        return self.naming.target(source, size, into_folder=True)

    def reserve_all(self, source: Input, files: Mapping[str, Path]) -> Collection[str]:
        """Keep no file: which are there already, the other machine knows."""
        return ()

    def write(self, source: Input, target: Path, write_file: Callable[[Path], object]) -> None:
        """Let a file be written, and keep its bytes; errors name it as the user knows it."""
        with tempfile.TemporaryDirectory(prefix="amsr-") as folder:
            path = Path(folder, f"result{target.suffix}")
            with shown_as(path, str(target)):
                write_file(path)
            self.files[target] = path.read_bytes()

    def shown(self, target: Path) -> str:
        """Return what users know a file as."""
        return str(target)


class PictureWorker:
    """Upscales pictures that it is sent; it keeps nothing that another one lacks."""

    def __init__(self, job: Job) -> None:
        """Load the models.

        Raises:
            AmsrError: see `load_upscalers` and `check_masked`; another version of the package, or other weights.
        """
        if job.version != __version__:
            raise BackendError(f"a worker has amsr-deploy {__version__}, this machine {job.version}; install the same")
        model = job.settings["model"]
        if job.weights != weights_of(model):
            raise BackendError(f"{model} has other weights at a worker than on this machine; copy it there")
        self._request = job.request
        self._upscalers = load_upscalers(job.request.size, job.settings)
        check_masked(self._upscalers, budget=job.request.effort.budget)
        self._origin = origin(model)

    @property
    def at_once(self) -> int:
        """Pictures that are upscaled at the same time."""
        return at_once(self._upscalers)

    @property
    def scales(self) -> list[int]:
        """Scales of the models."""
        return list(self._upscalers)

    def work(self, source: Input, content: bytes) -> tuple[InferReport, MemoryOutputs]:
        """Upscale a picture.

        Raises:
            AmsrError: see `FileUpscaler.upscale`.
        """
        made = MemoryOutputs(self._request.naming)
        upscaler = FileUpscaler(self._upscalers, self._origin, self._request, made)
        with Turn(Pipeline(at_once=1), 0, lambda *_: None) as turn:
            return upscaler.upscale(source, turn, content), made


def weights_of(model: str | Path) -> str | None:
    """Read the digest of a file's weights; None for a backbone, whose weights come with the package.

    Raises:
        ModelError, EngineError: not a model of this project.
    """
    return None if model in BACKBONES else describe_model(Path(model)).weights_sha256
