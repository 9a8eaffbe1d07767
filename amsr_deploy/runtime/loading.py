"""Loads a model that ships or a file, where it runs best, and upscales pictures by it."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, overload

from numpy.typing import NDArray
from PIL import Image

from amsr_deploy.descriptor import BACKBONES, DEFAULT_BACKBONE, Device, PrecisionChoice, Purpose, Strategy
from amsr_deploy.errors import ModelError, UserError
from amsr_deploy.files import StrPath
from amsr_deploy.image.arrays import Element
from amsr_deploy.metadata import MOST_MASK_LOSS, Metadata
from amsr_deploy.model_file import read_metadata
from amsr_deploy.runtime.backends.choose import open_backend
from amsr_deploy.runtime.backends.onnxruntime import OnnxRuntimeBackend
from amsr_deploy.runtime.checks import check_flag, check_path, check_scale
from amsr_deploy.runtime.settings import PictureSettings
from amsr_deploy.runtime.shipped import shipped_model, twin_path
from amsr_deploy.runtime.upscaler import Upscaler

if TYPE_CHECKING:
    from typing_extensions import Unpack

_log = logging.getLogger(__name__)


def load(
    model: str | Path = DEFAULT_BACKBONE,
    *,
    scale: int | None = None,
    trained_for: Purpose | None = None,
    device: Device = "auto",
    dilation: int | None = None,
    threshold: float | None = None,
    strategy: Strategy = "kmeans",
    dense: bool = False,
    tile: int | None = None,
    threads: int | None = None,
    precision: PrecisionChoice | None = "auto",
    self_ensemble: bool = False,
) -> Upscaler:
    """Load a model that ships with the package, or one that `amsr export` wrote.

    Args:
        model: name of a backbone, or path of an ONNX file or an engine.
        scale: the upscaling factor, of which a model of the backbone must ship; None is the largest that ships.
        trained_for: `photo` is the model for photos with noise and JPEG damage, `clean` that for clean pictures; None
            is `clean`, and with a path what the file is.
        device: `auto` is the best that this machine has: an engine of the model (in its folder, the current folder, or
            the user's cache) on the GPU, ONNX Runtime's CUDA, the CPU. Another choice is taken, or is an error where it
            cannot be had: `directml`, `coreml`, `openvino` and `webgpu` each need a package that brings them.
        dilation: side k of the mask's dilation square, odd: the dial between speed and quality; None is the model's.
        threshold: share of masked pixels from which a window is kept (SwinIR); None is the model's own.
        strategy: how the mask's threshold is found.
        dense: work everywhere, in the dense twin of the model where it lies beside it (`carn_x4_dense.onnx`).
        tile: most LR pixels along a side that are upscaled at once; None is a fast size that fits into memory.
        threads: CPU threads that work on an operator; None is one for each core.
        precision: of the arithmetic on the CPU: `auto` is bfloat16 where the processor is faster in it and the model
            lies beside its form in bfloat16 (`disp_x4_bf16.onnx`), else float32; None is that of the file.
        self_ensemble: return the mean of the results for a picture turned and mirrored in eight ways: better pictures
            for eight times the work, and a whole result in memory.

    Raises:
        AmsrError: no such model, a file that is none, of another scale or trained for something else, a device that
            cannot be had, a value out of range.
    """
    check_path("model", model)
    check_scale(scale)
    check_flag("dense", dense)
    check_flag("self_ensemble", self_ensemble)
    name = str(model)
    path = shipped_model(name, scale, dense, trained_for) if name in BACKBONES else Path(model)
    if not path.is_file():
        raise ModelError(f"model {name!r} is neither a file nor one of: {', '.join(BACKBONES)}")
    backend = open_backend(path, device, threads, precision)
    if dense and isinstance(backend, OnnxRuntimeBackend) and _has_twin(path, backend.metadata, precision):
        backend = open_backend(twin_path(path), device, threads)
    if scale not in (None, backend.metadata.scale):
        raise UserError(f"{path} upscales {backend.metadata.scale} times, not {scale} times; leave the scale out")
    if trained_for not in (None, backend.metadata.trained_for):
        known = backend.metadata.trained_for
        raise UserError(f"{path} was trained for {known}, not for {trained_for}; leave out `trained_for`")
    upscaler = Upscaler(backend, dilation, threshold, strategy, dense, tile, self_ensemble)
    _log.info("%s runs on %s", upscaler.model, upscaler.backend)
    if upscaler.is_masked and backend.metadata.mask_loss > MOST_MASK_LOSS:
        _log.warning(
            "%s was not trained with masks: its mask costs %.1f dB; "
            "set `dense`, or train it with masks: amsr train --init",
            path,
            backend.metadata.mask_loss,
        )
    return upscaler


def _has_twin(model: Path, metadata: Metadata, precision: PrecisionChoice | None) -> bool:
    """Tell whether a dense model of the same weights lies beside a masked one, in the precision that was asked for."""
    if not (metadata.masked and twin_path(model).is_file()):
        return False
    twin = read_metadata(twin_path(model))
    same_weights = not twin.masked and twin.weights_sha256 == metadata.weights_sha256
    return same_weights and (precision in (None, "auto") or twin.precision == metadata.precision)


@overload
def upscale(image: NDArray[Element], **settings: Unpack[PictureSettings]) -> NDArray[Element]: ...


@overload
def upscale(image: Image.Image | StrPath, **settings: Unpack[PictureSettings]) -> Image.Image: ...


def upscale(
    image: NDArray[Element] | Image.Image | StrPath, **settings: Unpack[PictureSettings]
) -> NDArray[Element] | Image.Image:
    """Upscale one picture: `load` with its settings, then `Upscaler.upscale`, which say more."""
    with load(**settings) as upscaler:
        return upscaler.upscale(image)


def upscale_file(source: StrPath, target: StrPath, **settings: Unpack[PictureSettings]) -> None:
    """Upscale one picture file: `load` with its settings, then `Upscaler.upscale_file`, which say more."""
    with load(**settings) as upscaler:
        upscaler.upscale_file(source, target)
