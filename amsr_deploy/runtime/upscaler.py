"""The one entry of the runtime: mask, tiles, backend (docs/architecture.md)."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, overload

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from amsr_deploy import image as pictures
from amsr_deploy.descriptor import BACKBONES, DEFAULT_BACKBONE, Device, PrecisionChoice, Purpose, Strategy
from amsr_deploy.errors import ModelError, UserError
from amsr_deploy.files import StrPath, check_not_read
from amsr_deploy.image.arrays import Element, to_float
from amsr_deploy.image.pillow import from_pillow, new_pillow, paste
from amsr_deploy.image.samples import channel_count
from amsr_deploy.mask import Mask
from amsr_deploy.metadata import MOST_MASK_LOSS, Metadata
from amsr_deploy.model_file import read_metadata
from amsr_deploy.runtime import tiles
from amsr_deploy.runtime.backends.base import Backend
from amsr_deploy.runtime.backends.choose import open_backend
from amsr_deploy.runtime.backends.onnxruntime import OnnxRuntimeBackend
from amsr_deploy.runtime.checks import check_flag, check_mask, check_path, check_region, check_scale, check_settings
from amsr_deploy.runtime.masking import Masking
from amsr_deploy.runtime.picture_strips import PictureStrips
from amsr_deploy.runtime.self_ensemble import SelfEnsemble
from amsr_deploy.runtime.settings import PictureSettings
from amsr_deploy.runtime.shipped import shipped_model, twin_path
from amsr_deploy.runtime.tile_runner import TileLimit, TileRunner
from amsr_deploy.runtime.upscaling import OnTile, Upscaling
from amsr_deploy.system.memory import memory_budget

if TYPE_CHECKING:
    from typing_extensions import Unpack

TILE_HALOS = 24
"""Default side of a tile in halos: larger ones overlap less, but save little more for the memory that they take."""

_log = logging.getLogger(__name__)


class Upscaler:
    """Upscales pictures by the scale of a model that works where they have edges and texture.

    Attributes:
        metadata: what the model says about itself.
        model: name of the model.
        backend: name of the backend that runs it.
        masking: how it chooses what of a picture it computes.
        has_self_ensemble: whether results are the mean of those for a picture turned and mirrored in eight ways.
    """

    def __init__(
        self,
        backend: Backend,
        dilation: int | None = None,
        threshold: float | None = None,
        strategy: Strategy = "kmeans",
        dense: bool = False,
        tile: int | None = None,
        self_ensemble: bool = False,
    ) -> None:
        """Put a backend to work.

        Args:
            backend: a loaded model.
            dilation: side k of the mask's dilation square, odd; None is the model's own.
            threshold: share of masked pixels from which a window is kept, in [0, 1]; None is the model's own.
            strategy: how the mask's threshold is found.
            dense: work everywhere.
            tile: most LR pixels along a side that are upscaled at once; None is a fast size that fits.
            self_ensemble: return the mean of the results for a picture turned and mirrored in eight ways.

        Raises:
            UserError: a value out of its range, or one that the model has no use for.
        """
        self.metadata: Metadata = backend.metadata
        self.model, self.backend = backend.model, backend.name
        self._dense = dense or not self.metadata.masked
        check_settings(self.model, self.metadata, self.is_masked, dilation, threshold, strategy, tile)
        self.masking = Masking.of(self.metadata, dilation, threshold, strategy)
        self._backend = backend
        self._tile = TileLimit(self._largest_tile(tile))
        self.has_self_ensemble = self_ensemble

    def _largest_tile(self, side: int | None) -> tiles.Size:
        """Most LR pixels in height and width at once."""
        largest = self._backend.largest
        if side is None and largest:
            return largest
        side = side or self._fast_side()
        return (min(side, largest[0]), min(side, largest[1])) if largest else (side, side)

    def _fast_side(self) -> int:
        """Choose the side of the fastest tiles that memory allows.

        On the CPU it is TILE_HALOS times the network's halo; on a GPU the larger, the faster.
        """
        within_memory = tiles.side_within(memory_budget(), self.metadata.bytes_per_pixel)
        device_memory = self._backend.device_memory
        if device_memory is None:
            return min(within_memory, TILE_HALOS * self.metadata.halo)
        return min(within_memory, tiles.side_within(device_memory // 2, self.metadata.bytes_per_pixel))

    def close(self) -> None:
        """Give back what the model holds of the device, which also happens when nothing refers to the upscaler."""
        self._backend.close()

    def __enter__(self) -> Upscaler:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> NoReturn:
        raise UserError(f"{self.model} is loaded and cannot be copied or sent to another process; load it there")

    def __repr__(self) -> str:
        how = f"dilation {self.dilation}" if self.is_masked else "dense"
        return f"<Upscaler of {self.model}: x{self.metadata.scale}, {how}, {self.backend}>"

    @property
    def dilation(self) -> int:
        """Side k of the mask's dilation square."""
        return self.masking.dilation

    @property
    def concurrency(self) -> int:
        """Pictures that may be upscaled at the same time, each in a thread."""
        return self._backend.concurrency

    @property
    def is_masked(self) -> bool:
        """Whether the network works on masked pixels only."""
        return not self._dense

    @property
    def is_local(self) -> bool:
        """Whether parts of a picture may be upscaled in any arrangement, with equal bits; see `Backend.is_local`."""
        return self._backend.is_local

    def mask(self, image: NDArray[np.generic] | Image.Image | StrPath, dilation: int | None = None) -> Mask:
        """Find where a picture has edges and texture.

        Args:
            image: an array [H, W, 3] RGB, a Pillow image or a path, as `upscale` takes it.
            dilation: side k of the mask's dilation square, odd; None is the upscaler's own.

        Raises:
            UserError: shapes or types that do not fit.
            ImageError: a file that cannot be read.
        """
        colour = to_float(image) if isinstance(image, np.ndarray) else picture_of(image).visible
        return self.masking.mask(colour, dilation)

    def cost_share(self, mask: NDArray[np.bool_]) -> float:
        """Return the multiply-accumulates for a mask [H, W] as a share of the dense network's.

        A self-ensemble makes eight such runs.

        Raises:
            UserError: no array [H, W] of bool.
        """
        check_mask(mask)
        return self.masking.cost_share(mask)

    @overload
    def upscale(self, image: NDArray[Element], mask: NDArray[np.bool_] | None = None) -> NDArray[Element]: ...

    @overload
    def upscale(self, image: Image.Image | StrPath, mask: NDArray[np.bool_] | None = None) -> Image.Image: ...

    def upscale(
        self, image: NDArray[Element] | Image.Image | StrPath, mask: NDArray[np.bool_] | None = None
    ) -> NDArray[Element] | Image.Image:
        """Upscale a picture.

        Args:
            image: an array [H, W, 3] RGB: uint8, uint16, or floating point in [0, 1]; a Pillow image or the path of
                a picture file, which are turned upright as their EXIF says.
            mask: [H, W] bool, a region of interest of the caller's own, in the upright picture; None computes one.
                It is for the colours: transparency has a mask of its own, or its edges would be blurred.

        Returns:
            An array [sH, sW, 3] of the same type for an array, s the model's scale; else a Pillow image with grey,
            transparency and colour profile as they were, with 16 bits only if it is grey (`upscale_file` keeps all).

        Raises:
            UserError: shapes or types that do not fit.
            ImageError: a file that cannot be read.
            ModelError: the network's output is not finite.
            OutOfMemoryError: even small tiles are too large for the memory.
        """
        if isinstance(image, np.ndarray):
            stored = image.dtype if image.dtype in (np.uint8, np.uint16) else np.dtype(np.float32)
            return self.prepare(to_float(image), mask).run(stored).astype(image.dtype, copy=False)
        picture = picture_of(image)
        channels, strips = channel_count(picture, grey=True), PictureStrips(self.prepare, picture, mask)
        bits, top = picture.bits if channels == 1 else 8, 0
        result = new_pillow((*strips.size, channels), bits)
        for strip in strips.samples(channels, bits):
            paste(result, strip, top)
            top += len(strip)
        if picture.metadata.icc_profile:
            result.info["icc_profile"] = picture.metadata.icc_profile
        return result

    def upscale_file(self, source: StrPath, target: StrPath, mask: NDArray[np.bool_] | None = None) -> None:
        """Upscale a picture file with all that belongs to it: alpha, depth, colour profile, EXIF.

        Args:
            source: the picture.
            target: the file to write, in the format of its suffix; one that is there is replaced, but never the source.
            mask: [H, W] bool, a region of interest of the caller's own, for the colours; None computes one.

        Raises:
            AmsrError: see `upscale`; a target that cannot be written, or is the source.
        """
        check_path("source", source)
        check_path("target", target)
        check_not_read(target, [source])
        picture = pictures.read(source)
        height, width = picture.size
        pictures.check_output(target, picture, (height * self.metadata.scale, width * self.metadata.scale))
        strips = PictureStrips(self.prepare, picture, mask)
        with pictures.open_strips(target, picture, strips.size) as writer:
            for strip in strips.samples(writer.channels, writer.bits):
                writer.write(strip)

    def prepare(
        self, image: NDArray[np.float32], mask: NDArray[np.bool_] | None = None, on_tile: OnTile = lambda *_: None
    ) -> Upscaling:
        """Decide what runs on a picture, for the whole of it, so that tiles make no difference.

        Args:
            image: [H, W, 3] float32 in [0, 1].
            mask: [H, W] bool, a region of interest of the caller's own; None computes one.
            on_tile: is called after each tile with the number of those that are done, and of all.

        Returns:
            What gives the result, whole or in strips.

        Raises:
            UserError: a mask that does not fit.
        """
        upscaling = self._prepare(image, mask, on_tile)
        return SelfEnsemble(**vars(upscaling), prepare=self._prepare) if self.has_self_ensemble else upscaling

    def _prepare(self, image: NDArray[np.float32], mask: NDArray[np.bool_] | None, on_tile: OnTile) -> Upscaling:
        """Decide for the picture as it lies."""
        found = self._mask_for(image, mask)
        dilation = self.dilation if found is not None and mask is None else None
        return Upscaling(self.runner(image, None if found is None else found.pixels), found, dilation, on_tile)

    def runner(self, image: NDArray[np.float32], mask: NDArray[np.bool_] | None) -> TileRunner:
        """Choose what runs on the tiles of a picture.

        Args:
            image: [H, W, 3] float32 in [0, 1].
            mask: [H, W] bool, where the network works; None is everywhere.
        """
        pixels = np.ones(image.shape[:2], dtype=np.bool_) if mask is None else mask
        return TileRunner(image, self._backend, self.masking.select(pixels), self.masking.edge, self._tile)

    def _mask_for(self, image: NDArray[np.float32], region: NDArray[np.bool_] | None) -> Mask | None:
        if self._dense and region is not None:
            raise UserError(f"{self.model} runs dense: it cannot follow a mask")
        if self._dense:
            return None
        if region is None:
            return self.masking.mask(image)
        check_region(region, image.shape[:2])
        return Mask(region.copy(), threshold=float("nan"), rounds=0)


def picture_of(image: object) -> pictures.Picture:
    """Take the picture of a Pillow image, or read that of a file.

    Raises:
        UserError: neither of them.
        ImageError: a file that cannot be read.
    """
    if isinstance(image, Image.Image):
        return from_pillow(image)
    if isinstance(image, str | os.PathLike):
        return pictures.read(image)
    raise UserError(f"a picture must be an array, a Pillow image or the path of a file, not a {type(image).__name__}")


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
