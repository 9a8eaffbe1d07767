"""From an ONNX model to an engine and its sidecar, compared with the CPU where that can be."""

from __future__ import annotations

import logging
import platform
import shlex
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import onnx
from platformdirs import user_cache_path
from rich.console import Console

from amsr_deploy.descriptor import DOMAIN
from amsr_deploy.engine.compare import verify_engine
from amsr_deploy.engine.shapes import Sizes, make_profile
from amsr_deploy.engine.tensorrt_api import build, prepare_graph, writes_in_place
from amsr_deploy.errors import BackendError, UserError
from amsr_deploy.files import replacing
from amsr_deploy.metadata import Metadata
from amsr_deploy.runtime.backends.gpu import Gpu, find_gpu
from amsr_deploy.runtime.backends.tensorrt.backend import load_engine
from amsr_deploy.runtime.backends.tensorrt.cuda import open_cuda
from amsr_deploy.runtime.backends.tensorrt.edition import RTX_CAPABILITIES, Edition, choose_builder, load_edition
from amsr_deploy.runtime.backends.tensorrt.plugins import Plugins, load_plugins
from amsr_deploy.runtime.backends.tensorrt.sidecar import Profile, Sidecar, digest, sidecar_path

_PRECISIONS = {"float32": "fp32", "float16": "fp16", "bfloat16": "bf16"}

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class BuildRequest:
    """What the command line asks for."""

    model: Path
    half: bool
    """Whether the command line asks for float16."""
    edition: Edition
    gpu: Gpu | None
    """The GPU that the engine is built for; None where it runs on any."""
    sizes: Sizes
    in_place: bool | None
    """Whether plugins overwrite their input; None: the version of TensorRT decides."""
    timing_cache: Path | None
    """File that keeps the timings of kernels; None is that of the user and the GPU."""
    target: Path
    """The engine's file."""

    @property
    def command(self) -> str:
        """The command that builds the same engine again."""
        sizes = (self.sizes.smallest, self.sizes.optimal, self.sizes.largest)
        options = [
            f"--{name}-shape {height}x{width}"
            for name, (height, width) in zip(("min", "opt", "max"), sizes, strict=True)
        ]
        flags = ["--fp16"] if self.half else []
        if self.in_place is not None:
            flags.append("--in-place" if self.in_place else "--no-in-place")
        return " ".join(
            ["amsr build-engine", shlex.quote(str(self.model)), *flags, "--edition", self.edition.name, *options]
        )


def write_engine(request: BuildRequest, proto: onnx.ModelProto, metadata: Metadata, console: Console) -> str:
    """Build the engine of a model that has its final types, and write it with its sidecar; show bars on a console."""
    edition, gpu, target = request.edition, request.gpu, request.target
    profile = make_profile(metadata, request.sizes)
    plugins = needed_plugins(proto, metadata, edition)
    cache = request.timing_cache or default_timing_cache(edition, gpu)
    in_place = writes_in_place(edition) if request.in_place is None else request.in_place
    started = time.perf_counter()
    built = build(edition, prepare_graph(proto, plugins, in_place), profile, plugins, cache, console, in_place)
    seconds = time.perf_counter() - started
    for message in built.warnings:
        _log.warning("%s: %s", edition.name, message)
    sidecar = describe_engine(request, metadata, profile, plugins, built.engine)
    comparison = compare_with_cpu(target.name, sidecar, built.engine, edition, request.model)
    with replacing(target) as engine_file, replacing(sidecar_path(target)) as sidecar_file:
        engine_file.write_bytes(built.engine)
        sidecar.write(sidecar_file)
    facts = (
        f"{len(built.engine) / 1e6:.1f} MB in {seconds:.0f} s",
        f"{edition.name} {edition.version}",
        metadata.precision,
        describe_operators(metadata, plugins),
        f"pictures of {request.sizes} pixels",
        comparison,
    )
    return f"{target}: {', '.join(facts)}"


def describe_engine(
    request: BuildRequest, metadata: Metadata, profile: Profile, plugins: Plugins | None, engine: bytes
) -> Sidecar:
    """Make the sidecar of an engine that was built on this machine."""
    edition, gpu = request.edition, request.gpu
    return Sidecar(
        model=metadata,
        source=request.model.name,
        edition=edition.name,
        version=edition.version,
        platform=f"{platform.system()} {platform.machine()}",
        gpu=gpu.name if gpu else None,
        compute_capability=gpu.compute_capability if gpu else RTX_CAPABILITIES[0],
        profile=profile,
        plugins=plugins.version if plugins else None,
        sha256=digest(engine),
        command=request.command,
    )


def compare_with_cpu(name: str, sidecar: Sidecar, engine: bytes, edition: Edition, model: Path) -> str:
    """Say how far an engine's result is from the CPU's, or why it cannot run here.

    Args:
        name: of the engine.
        sidecar: what it says about itself.
        engine: its bytes.
        edition: what built it.
        model: the ONNX that it was built from.

    Raises:
        EngineError: too far, or the engine does not load.
        BackendError: it does not run.
    """
    try:
        gpu, cuda = find_gpu(), open_cuda()
    except BackendError as error:
        return f"not compared with the CPU ({error})"
    if not edition.runs_on(gpu.compute_capability):
        return f"not compared with the CPU ({edition.name} does not run on the {gpu.name})"
    with closing(load_engine(Path(name), sidecar, engine, gpu, edition, cuda)) as backend:
        return f"differs from the CPU by at most {verify_engine(backend, sidecar.profile, model):.1e}"


def choose_edition(name: str) -> tuple[Edition, Gpu | None]:
    """Choose the edition that builds, and the GPU that it builds for; None where engines run on any.

    Raises:
        BackendError: it is not installed, or needs a GPU that is not there.
    """
    try:
        gpu, reason = find_gpu(), ""
    except BackendError as error:
        gpu, reason = None, str(error)
    edition = choose_builder(gpu is not None) if name == "auto" else load_edition(name)
    if edition.builds_without_gpu:
        if gpu and not edition.runs_on(gpu.compute_capability):
            _log.warning("%s %s does not run on the %s of this machine", edition.name, edition.version, gpu)
        return edition, None
    if gpu is None:
        raise BackendError(
            f"{edition.name} builds on the GPU that will run the engine, but {reason}; "
            "build there, or set `edition` to tensorrt-rtx"
        )
    return edition, gpu


def needed_plugins(model: onnx.ModelProto, metadata: Metadata, edition: Edition) -> Plugins | None:
    """Find the plugins that run nodes of a model; None where there are none, or none that it uses.

    Raises:
        UserError: the model is of bfloat16, which the plugins do not take.
    """
    plugins = load_plugins(edition)
    used = {node.op_type for node in model.graph.node if node.domain == DOMAIN}
    if not plugins or not used & plugins.operators:
        return None
    if metadata.precision == "bfloat16":
        raise UserError("the plugins of TensorRT do not compute in bfloat16; give the float32 model, and set `fp16`")
    return plugins


def describe_operators(metadata: Metadata, plugins: Plugins | None) -> str:
    """Say how the masked operators run."""
    if not metadata.masked:
        return "dense"
    return f"masked operators as plugins {plugins.version}" if plugins else "masked operators as standard ones"


def default_timing_cache(edition: Edition, gpu: Gpu | None) -> Path | None:
    """Choose the user's timing cache for an edition and a GPU; None where nothing is timed."""
    if gpu is None:
        return None
    name = f"{edition.name}-{edition.version}_{gpu.name.replace(' ', '-')}_{gpu.architecture}.cache"
    return user_cache_path("amsr-deploy") / "timing" / name


def engine_name(model: Path, metadata: Metadata, edition: Edition, gpu: Gpu | None, sizes: Sizes) -> str:
    """Name an engine file by what it holds: carn_x4_fp16_rtx-1.7_8x8-1088x1920.engine."""
    stem = model.stem.removesuffix("_fp16").removesuffix("_bf16")
    where = [gpu.architecture] if gpu else []
    return "_".join([stem, _PRECISIONS[metadata.precision], edition.label, *where, str(sizes)]) + ".engine"
