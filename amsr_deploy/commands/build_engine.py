"""What `amsr build-engine` does: ONNX -> engine and sidecar."""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from amsr_deploy.commands.console import progress_console
from amsr_deploy.commands.messages import say
from amsr_deploy.descriptor import Purpose
from amsr_deploy.engine.build import BuildRequest, choose_edition, engine_name, write_engine
from amsr_deploy.engine.half import to_half
from amsr_deploy.engine.model import read_model
from amsr_deploy.engine.shapes import Sizes, format_size, make_sizes
from amsr_deploy.errors import EngineError, FileError, UserError
from amsr_deploy.files import check_not_read, check_target
from amsr_deploy.metadata import Metadata
from amsr_deploy.runtime.backends.tensorrt.edition import Edition
from amsr_deploy.runtime.backends.tensorrt.sidecar import read_sidecar, sidecar_path
from amsr_deploy.runtime.newest import newest_export
from amsr_deploy.runtime.shipped import chosen_model, shipped_model
from amsr_deploy.runtime.tiles import Size, smallest_tile

_log = logging.getLogger(__name__)


def run(
    model: Path | None,
    trained_for: Purpose | None,
    fp16: bool,
    edition: str,
    min_shape: Size | None,
    opt_shape: Size | None,
    max_shape: Size | None,
    timing_cache: Path | None,
    in_place: bool | None,
    output: Path | None,
) -> int:
    """Build an engine and its sidecar, say what was written, and return the exit code.

    Args:
        model: an ONNX of `amsr export`; None is the newest one of this folder, else the shipped default.
        trained_for: which shipped default, before those of this folder.
        fp16: compute in float16; models of float16 or bfloat16 keep their type without it.
        edition: `tensorrt`, `tensorrt-rtx`, or `auto`: the fastest that can build here.
        min_shape: height and width of the smallest picture; None is the default.
        opt_shape: of the picture that the engine is tuned for; None is the default.
        max_shape: of the largest picture; None is the default.
        timing_cache: file that keeps the timings of kernels; None is that of the user and the GPU.
        in_place: let plugins overwrite their input; None does so from TensorRT 10.7 on.
        output: the engine's file; None names it after model, precision, edition and sizes, in this folder.

    Raises:
        UserError: shapes that do not fit, a model of another type than wanted, an output that cannot be, timings that
            would replace the model, an option that the edition does not have.
        ModelError: not an ONNX of this project.
        BackendError: no TensorRT, or no GPU for it.
        EngineError: TensorRT's message, or the engine's result differs from the CPU's.
    """
    path = wanted_export(model, trained_for)
    check_not_read(timing_cache, [path])
    proto, metadata = read_model(path)
    builder, gpu = choose_edition(edition)
    check_edition(builder, timing_cache, in_place)
    sizes = make_sizes(min_shape, opt_shape, max_shape, metadata)
    warn_of_small_tiles(sizes, metadata)
    if fp16 and metadata.precision == "bfloat16":
        raise UserError(f"{path} computes in bfloat16; give the float32 model for `fp16`, or leave that out")
    if fp16 and metadata.precision == "float32":
        proto, metadata = to_half(proto), replace(metadata, precision="float16")
    target = check_engine_file(output or Path(engine_name(path, metadata, builder, gpu, sizes)))
    warn_of_other_weights(target, metadata)
    request = BuildRequest(path, fp16, builder, gpu, sizes, in_place, timing_cache, target)
    say(write_engine(request, proto, metadata, progress_console()))
    return 0


def wanted_export(model: Path | None, trained_for: Purpose | None) -> Path:
    """Choose the ONNX that a user asks for or, where that is nothing, the newest of this folder before the default.

    Raises:
        UserError: a file and what chooses a shipped model are given.
        ModelError: no such model ships.
    """
    chosen = chosen_model(None, model, trained_for)
    if not (model or trained_for):
        chosen = newest_export(Path()) or chosen
    return chosen if isinstance(chosen, Path) else shipped_model(chosen, trained_for=trained_for)


def check_edition(edition: Edition, timing_cache: Path | None, in_place: bool | None) -> None:
    """Raise UserError where an option means nothing to an edition."""
    if timing_cache and edition.builds_without_gpu:
        raise UserError(f"`timing_cache` is for `edition` tensorrt; {edition.name} times no kernels")
    if in_place is not None and not edition.has_plugins:
        raise UserError(f"`in_place` is for `edition` tensorrt; {edition.name} is used without plugins")


def warn_of_small_tiles(sizes: Sizes, metadata: Metadata) -> None:
    """Warn where the tiles of larger pictures would consist of overlap only."""
    smallest = smallest_tile(metadata.halo, metadata.size_multiple)
    if min(sizes.largest) < smallest:
        _log.warning(
            "tiles of %s overlap almost entirely: larger pictures will be slow or refused; "
            "give a `max_shape` of %dx%d or more",
            format_size(sizes.largest),
            smallest,
            smallest,
        )


def check_engine_file(path: Path) -> Path:
    """Check where to write an engine, and return the path.

    Raises:
        UserError: it does not end in .engine.
        FileError: its folder is missing or cannot be written, or a file that belongs to no engine has the name of its
            sidecar.
    """
    check_target(path, ".engine")
    sidecar = sidecar_path(path)
    if sidecar.exists() and not path.exists():
        raise FileError(f"{sidecar}, where the facts of the engine go, is there and belongs to no engine; name another")
    return path


def warn_of_other_weights(path: Path, metadata: Metadata) -> None:
    """Warn where an engine of other weights is going to be replaced."""
    with suppress(EngineError):
        if read_sidecar(path).model.weights_sha256 != metadata.weights_sha256:
            _log.warning("%s is replaced; it held other weights", path)
