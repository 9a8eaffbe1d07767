"""`amsr infer --ray`: pictures go to workers as bytes, and what is made of them comes back as bytes.

Workers need no disk in common with this machine, and a picture whose worker is lost can be given to another one.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from amsr_deploy import image
from amsr_deploy.commands.pictures.batch import Task, run_batch
from amsr_deploy.commands.pictures.cluster import Cluster, open_cluster
from amsr_deploy.commands.pictures.file_upscaler import InferReport
from amsr_deploy.commands.pictures.inputs import Input, Inputs
from amsr_deploy.commands.pictures.outputs import Outputs, open_outputs
from amsr_deploy.commands.pictures.pipeline import Turn
from amsr_deploy.commands.pictures.reporter import Reporter
from amsr_deploy.commands.pictures.request import InferRequest
from amsr_deploy.commands.pictures.targets import claim_files, prepare
from amsr_deploy.commands.pictures.worker import Job, weights_of
from amsr_deploy.descriptor import BACKBONES
from amsr_deploy.errors import UserError
from amsr_deploy.runtime.settings import PictureSettings

AHEAD = 2
"""Pictures that are read for each that a worker does, so that workers need not wait for them."""

ON_GPUS = ("auto", "cuda", "tensorrt")
"""Devices that are GPUs where a machine has some; others take its cores."""


def spread_pictures(
    inputs: Inputs, request: InferRequest, reporter: Reporter, settings: PictureSettings, address: str
) -> int:
    """Upscale pictures on the machines of a Ray cluster; all else is as with `infer_pictures`.

    Args:
        inputs: the pictures.
        request: what is wanted.
        reporter: says what became of each.
        settings: keyword arguments of `loading.load`, with the model.
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
    job = Job(request, everywhere, weights_of(model))
    on_gpus = settings["device"] in ON_GPUS
    with (
        open_outputs(request.naming, inputs) as outputs,
        open_cluster(address, job, settings["threads"], on_gpus) as cluster,
    ):
        scales, busy = cluster.scales()
        task = Task(
            partial(prepare, outputs, request, scales), partial(upscale, cluster, outputs, request), outputs.release
        )
        return run_batch(inputs.pictures, task, reporter, AHEAD * busy, AHEAD * busy, cluster.stop)


def upscale(cluster: Cluster, outputs: Outputs, request: InferRequest, source: Input, turn: Turn) -> InferReport:
    """Let a worker upscale a picture, and write what it made.

    Raises:
        AmsrError: see `FileUpscaler.upscale` and `Cluster.work`.
    """
    with turn.reading(), turn.network():  # no picture waits for the network of another one
        content = image.read_content(source.path)
    report, made = cluster.work(source, content)
    for path in claim_files(outputs, request, source, made.size).missing:
        outputs.write(source, path, partial(Path.write_bytes, data=made.files[path]))
    return report
