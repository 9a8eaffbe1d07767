"""What `amsr build-engine` does: ONNX -> engine and sidecar."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

from amsr_deploy.descriptor import DEFAULT_BACKBONE
from amsr_deploy.engine.build import Request, choose_edition, engine_name, write_engine
from amsr_deploy.engine.half import to_half
from amsr_deploy.engine.model import read_metadata, read_model
from amsr_deploy.engine.shapes import Sizes, format_size, make_sizes
from amsr_deploy.errors import UserError
from amsr_deploy.metadata import Metadata
from amsr_deploy.model_file import newest_export
from amsr_deploy.runtime.shipped import shipped_model
from amsr_deploy.runtime.tiles import smallest_tile


def build_engine(
    model: Path | None,
    half: bool,
    edition: str,
    min_shape: str | None,
    opt_shape: str | None,
    max_shape: str | None,
    timing_cache: Path | None,
    output: Path | None,
    in_place: bool | None = None,
) -> str:
    """Build an engine and its sidecar; returns a line that says what was written.

    Args:
        model: an ONNX of `amsr export`; None is the last one of this folder, else the shipped default.
        half: compute in float16; models of float16 or bfloat16 keep their type without it.
        edition: `tensorrt`, `tensorrt-rtx`, or `auto`: the fastest that can build here.
        min_shape: smallest picture, `HxW`; None is the default.
        opt_shape: the picture that the engine is tuned for; None is the default.
        max_shape: largest picture; None is the default.
        timing_cache: file that keeps the timings of kernels; None is that of the user and the GPU.
        output: the engine's file; None is a name in this folder that tells what the engine is.
        in_place: let plugins write over their input; None does so where TensorRT is new enough.

    Raises:
        UserError: shapes that do not fit, a model of another type than wanted, an output that cannot be.
        ModelError: not an ONNX of this project.
        BackendError: no TensorRT, or no GPU for it.
        EngineError: what TensorRT said, or the engine's result differs from the CPU's.
    """
    path = model or newest_export(Path()) or shipped_model(DEFAULT_BACKBONE)
    proto = read_model(path)
    metadata = read_metadata(path, proto)
    chosen, gpu = choose_edition(edition)
    sizes = make_sizes(min_shape, opt_shape, max_shape, metadata)
    warn_of_small_tiles(sizes, metadata)
    request = Request(path, half, chosen, sizes, in_place)
    if half and metadata.precision == "bfloat16":
        raise UserError(f"{path} computes in bfloat16; give the float32 model for --fp16, or leave that out")
    if half and metadata.precision == "float32":
        proto, metadata = to_half(proto), replace(metadata, precision="float16")
    target = check_output(output or Path(engine_name(path, metadata, chosen, gpu, sizes)))
    return write_engine(request, proto, metadata, gpu, timing_cache, target)


def warn_of_small_tiles(sizes: Sizes, metadata: Metadata) -> None:
    """Say where pictures that are larger than the engine's largest size would be cut into tiles of mere overlap."""
    smallest = smallest_tile(metadata.halo, metadata.size_multiple)
    if min(sizes.largest) < smallest:
        warnings.warn(
            f"tiles of {format_size(sizes.largest)} are nearly all overlap: larger pictures will be slow or refused; "
            f"give a --max-shape of {smallest}x{smallest} or more",
            stacklevel=2,
        )


def check_output(path: Path) -> Path:
    """A path to write an engine to.

    Raises:
        UserError: it does not end in .engine, or its folder does not exist.
    """
    if path.suffix != ".engine":
        raise UserError(f"output {path} does not end in .engine")
    if not path.parent.is_dir():
        raise UserError(f"folder {path.parent} does not exist; create it first")
    return path
