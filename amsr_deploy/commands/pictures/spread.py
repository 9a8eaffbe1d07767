"""`amsr infer --ray`: pictures go to workers as bytes, and what is made of them comes back as bytes.

Workers need no disk in common with this machine, and a picture whose worker is lost can be given to another one.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from amsr_deploy import __version__, image
from amsr_deploy.commands.messages import shown_as
from amsr_deploy.commands.pictures.batch import Reporter, Task, run_batch
from amsr_deploy.commands.pictures.cluster import Cluster, open_cluster
from amsr_deploy.commands.pictures.inputs import Input, Inputs
from amsr_deploy.commands.pictures.outputs import Naming, Outputs, open_outputs
from amsr_deploy.commands.pictures.request import InferRequest
from amsr_deploy.commands.pictures.targets import claim_files, prepare
from amsr_deploy.commands.pictures.turns import Turn, Turns
from amsr_deploy.commands.pictures.work import InferReport, Work
from amsr_deploy.commands.upscalers import at_once, check_masked, load_upscalers
from amsr_deploy.descriptor import BACKBONES
from amsr_deploy.errors import BackendError, UserError
from amsr_deploy.runtime.newest import describe_model
from amsr_deploy.runtime.settings import PictureSettings
from amsr_deploy.runtime.shipped import origin

AHEAD = 2
"""Pictures that are read for each that a worker does, so that workers need not wait for them."""

ON_GPUS = ("auto", "cuda", "tensorrt")
"""Devices that are GPUs where a machine has some; others take its cores."""


@dataclass(frozen=True)
class Orders:
    """What workers are to do with all pictures.

    Attributes:
        request: what is wanted.
        settings: keyword arguments of `upscaler.load`, with the model: the name of a backbone, or a path that each
            machine has.
        weights: of that file; see `weights_of`.
        version: of this package, which workers must have too.
    """

    request: InferRequest
    settings: PictureSettings
    weights: str | None
    version: str = __version__


@dataclass
class Parcel:
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
    """Upscales pictures that it is sent."""

    def __init__(self, orders: Orders) -> None:
        """Load the models.

        Raises:
            AmsrError: see `load_upscalers` and `check_masked`; another version of the package, or other weights.
        """
        if orders.version != __version__:
            raise BackendError(
                f"a worker has amsr-deploy {__version__}, this machine {orders.version}; install the same"
            )
        model = orders.settings["model"]
        if orders.weights != weights_of(model):
            raise BackendError(f"{model} has other weights at a worker than on this machine; copy it there")
        self._request = orders.request
        self._upscalers = load_upscalers(orders.request.size, orders.settings)
        check_masked(self._upscalers, budget=orders.request.effort.budget)
        self._origin = origin(model)

    @property
    def at_once(self) -> int:
        """Pictures that are upscaled at the same time."""
        return at_once(self._upscalers)

    @property
    def facts(self) -> list[int]:
        """Scales of the models."""
        return list(self._upscalers)

    def work(self, source: Input, content: bytes) -> tuple[InferReport, Parcel]:
        """Upscale a picture.

        Raises:
            AmsrError: see `Work.upscale`.
        """
        parcel = Parcel(self._request.naming)
        work = Work(self._upscalers, self._origin, self._request, parcel)
        with Turn(Turns(at_once=1), 0, lambda *_: None) as turn:
            return work.upscale(source, turn, content), parcel


def weights_of(model: str | Path) -> str | None:
    """Read the digest of a file's weights; None for a backbone, whose weights come with the package.

    Raises:
        ModelError, EngineError: not a model of this project.
    """
    return None if model in BACKBONES else describe_model(Path(model)).weights_sha256


def spread_pictures(
    inputs: Inputs, request: InferRequest, reporter: Reporter, settings: PictureSettings, address: str
) -> int:
    """Upscale pictures on the machines of a Ray cluster; all else is as with `infer_pictures`.

    Args:
        inputs: the pictures.
        request: what is wanted.
        reporter: says what became of each.
        settings: keyword arguments of `upscaler.load`, with the model.
        address: of the cluster; see `open_cluster`.

    Returns:
        The exit code; see `run_batch`.

    Raises:
        AmsrError: see `infer_pictures` and `open_cluster`.
    """
    if request.shard:
        raise UserError("--ray and --shard spread pictures each; give one of them")
    inputs.check_several("--ray")
    request.check(inputs, settings)
    model = settings["model"]
    everywhere = settings if model in BACKBONES else settings | {"model": Path(model).absolute()}
    orders = Orders(request, everywhere, weights_of(model))
    make, on_gpus = partial(PictureWorker, orders), settings["device"] in ON_GPUS
    with (
        open_outputs(request.naming, inputs) as outputs,
        open_cluster(address, make, settings["threads"], on_gpus) as cluster,
    ):
        scales, busy = cluster.facts()
        task = Task(
            partial(prepare, outputs, request, scales), partial(upscale, cluster, outputs, request), outputs.release
        )
        return run_batch(inputs.pictures, task, reporter, AHEAD * busy, AHEAD * busy, cluster.stop)


def upscale(cluster: Cluster, outputs: Outputs, request: InferRequest, source: Input, turn: Turn) -> InferReport:
    """Let a worker upscale a picture, and write what it made.

    Raises:
        AmsrError: see `Work.upscale` and `Cluster.work`.
    """
    with turn.reading(), turn.network():  # no picture waits for the network of another one
        content = image.read_content(source.path)
    report, parcel = cluster.work(str(source), source, content)
    for path in claim_files(outputs, request, source, parcel.size).missing:
        outputs.write(source, path, partial(Path.write_bytes, data=parcel.files[path]))
    return report
