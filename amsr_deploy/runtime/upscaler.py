"""The one entry of the runtime: mask, tiles, backend (docs/architecture.md)."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from amsr_deploy.descriptor import BACKBONES, DEFAULT_BACKBONE, Strategy
from amsr_deploy.errors import ModelError, UserError
from amsr_deploy.image.arrays import to_float
from amsr_deploy.mask import Mask
from amsr_deploy.mask.native import compute_mask
from amsr_deploy.metadata import Metadata
from amsr_deploy.runtime import tiles
from amsr_deploy.runtime.backends.base import Backend, Device
from amsr_deploy.runtime.backends.choose import open_backend
from amsr_deploy.runtime.backends.onnxruntime import OnnxRuntimeBackend
from amsr_deploy.runtime.checks import check_region, check_settings
from amsr_deploy.runtime.memory import memory_budget
from amsr_deploy.runtime.selection import Everything, Selection, select
from amsr_deploy.runtime.shipped import shipped_model, twin_path
from amsr_deploy.runtime.upscaling import TileLimit, Upscaling

EDGE = 4
"""LR pixels by which pictures are reflected on all sides: networks see black outside, which tints their borders."""
TILE_HALOS = 16
"""Default side of a tile in halos: larger ones overlap less, but cost more in fresh memory than that saves."""

Element = TypeVar("Element", bound=np.generic)


@dataclass(frozen=True)
class Upscaled:
    """A picture and what it took.

    Attributes:
        image: [sH, sW, 3] float32 in [0, 1], s the model's scale.
        mask: where the network worked; None if it was dense.
        density: share of the body that was computed, in [0, 1].
        cost_share: multiply-accumulates as a share of the dense network's.
        seconds: wall time of mask and network.
        dense_reason: why the dense twin ran in place of a masked model; None where it did not.
    """

    image: NDArray[np.float32]
    mask: Mask | None
    density: float
    cost_share: float
    seconds: float
    dense_reason: str | None = None


class Upscaler:
    """Upscales pictures by the scale of a model that works where they have edges and texture.

    Attributes:
        metadata: what the model says about itself.
        model: name of the model.
        backend: name of the backend that runs it.
        dilation: side k of the mask's dilation square.
        threshold: share of masked pixels from which a window is kept (SwinIR).
    """

    def __init__(
        self,
        backend: Backend,
        dilation: int | None = None,
        threshold: float | None = None,
        strategy: Strategy = "kmeans",
        dense: bool = False,
        tile: int | None = None,
        load_twin: Callable[[], Backend] | None = None,
    ) -> None:
        """Put a backend to work.

        Args:
            backend: a loaded model.
            dilation: side k of the mask's dilation square, odd; None is the model's own.
            threshold: share of masked pixels from which a window is kept, in [0, 1]; None is the model's own.
            strategy: how the mask's threshold is found.
            dense: work everywhere.
            tile: most LR pixels along a side that are upscaled at once; None is a fast size that fits.
            load_twin: loads the dense twin of a masked model, for pictures whose masks are so dense that it is faster.

        Raises:
            UserError: a value out of its range, or one that the model has no use for.
        """
        self.metadata: Metadata = backend.metadata
        self.model, self.backend = backend.model, backend.name
        self._dense = dense or not self.metadata.masked
        check_settings(self.model, self.metadata, self.is_masked, dilation, threshold, strategy, tile)
        self.dilation = self.metadata.dilation if dilation is None else dilation
        self.threshold = self.metadata.threshold if threshold is None else threshold
        self._backend, self._strategy = backend, strategy
        self._edge = max(EDGE, self.metadata.size_multiple)
        self._tile = TileLimit(self._largest_tile(tile))
        self._takes_default_mask = dilation is None and threshold is None and strategy == "kmeans"
        self._load_twin = load_twin

    def _largest_tile(self, side: int | None) -> tiles.Size:
        """Most LR pixels in height and width that are upscaled at once."""
        largest = self._backend.largest
        if side is None and largest:
            return largest
        within_memory = tiles.side_within(memory_budget(), self.metadata.bytes_per_pixel)
        side = side or min(within_memory, TILE_HALOS * self.metadata.halo)
        return (min(side, largest[0]), min(side, largest[1])) if largest else (side, side)

    def close(self) -> None:
        """Give back what the model holds of the device, which also happens when nothing refers to the upscaler."""
        self._backend.close()
        twin = vars(self).get("_twin")  # loaded or not
        if twin is not None:
            twin.close()

    def __enter__(self) -> Upscaler:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def concurrency(self) -> int:
        """Pictures that may be upscaled at the same time, each in a thread."""
        return self._backend.concurrency

    @property
    def is_masked(self) -> bool:
        """Whether the network works on masked pixels only."""
        return not self._dense

    def mask(self, image: NDArray[np.generic]) -> Mask:
        """The mask of a picture [H, W, 3]: uint8, uint16, or floating point in [0, 1]."""
        return compute_mask(to_float(image), self.dilation, self._strategy)

    def upscale(self, image: NDArray[Element], mask: NDArray[np.bool_] | None = None) -> NDArray[Element]:
        """Upscale a picture.

        Args:
            image: [H, W, 3] RGB: uint8, uint16, or floating point in [0, 1].
            mask: [H, W] bool, a region of interest of the caller's own; None computes one.

        Returns:
            [sH, sW, 3] of the same type, s the model's scale.

        Raises:
            UserError: shapes or types that do not fit.
            ModelError: the network's output is not finite.
            OutOfMemoryError: even small tiles are too large for the memory.
        """
        stored = image.dtype if image.dtype in (np.uint8, np.uint16) else np.dtype(np.float32)
        return self.start(to_float(image), mask).run(stored).astype(image.dtype, copy=False)

    def run(self, image: NDArray[np.float32], mask: NDArray[np.bool_] | None = None) -> Upscaled:
        """`upscale` on [H, W, 3] float32 in [0, 1], with what it took. A picture without colour gets none."""
        started = time.perf_counter()
        upscaling = self.start(image, mask)
        result = upscaling.run(np.dtype(np.float32))
        seconds = time.perf_counter() - started
        return Upscaled(
            result, upscaling.mask, upscaling.density, upscaling.cost_share, seconds, upscaling.dense_reason
        )

    def start(self, image: NDArray[np.float32], mask: NDArray[np.bool_] | None = None) -> Upscaling:
        """Decide what runs on a picture, for the whole of it, so that tiles make no difference.

        Args:
            image: [H, W, 3] float32 in [0, 1].
            mask: [H, W] bool, a region of interest of the caller's own; None computes one.

        Returns:
            What gives the result, whole or in strips.

        Raises:
            UserError: a mask that does not fit.
        """
        found = self._mask_for(image, mask)
        pixels = np.ones(image.shape[:2], dtype=np.bool_) if found is None else found.pixels
        density, limit = self._select(pixels, edge=0).density, self.metadata.dense_above
        may_choose = found is not None and mask is None and self._takes_default_mask
        if may_choose and density > limit and self._twin is not None:
            reason = f"density {density:.3g} is above {limit:.3g}"
            return Upscaling(image, self._twin, Everything(), None, 1.0, reason, self._edge, self._tile)
        selection = self._select(pixels, self._edge)
        return Upscaling(image, self._backend, selection, found, density, None, self._edge, self._tile)

    @cached_property
    def _twin(self) -> Backend | None:
        """The dense twin, loaded when a picture first wants it; a model of other weights is none."""
        twin = self._load_twin() if self._load_twin else None
        is_twin = twin and not twin.metadata.masked and twin.metadata.weights_sha256 == self.metadata.weights_sha256
        return twin if is_twin else None

    def _mask_for(self, image: NDArray[np.float32], region: NDArray[np.bool_] | None) -> Mask | None:
        if self._dense and region is not None:
            raise UserError(f"{self.model} runs dense: it cannot follow a mask")
        if self._dense:
            return None
        if region is None:
            return compute_mask(image, self.dilation, self._strategy)
        check_region(region, image.shape[:2])
        return Mask(region.astype(np.bool_), threshold=float("nan"), rounds=0)

    def _select(self, pixels: NDArray[np.bool_], edge: int) -> Selection:
        """What the model computes, given a mask [H, W] of the picture, which is padded by an edge."""
        if not self.metadata.masked:
            return Everything()
        multiple = self.metadata.size_multiple
        beyond = [(edge, tiles.padded_length(side, edge, multiple) - side - edge) for side in pixels.shape]
        return select(np.pad(pixels, beyond, mode="reflect"), self.metadata, self.threshold)


def load(
    model: str | Path = DEFAULT_BACKBONE,
    *,
    scale: int | None = None,
    device: Device = "auto",
    dilation: int | None = None,
    threshold: float | None = None,
    strategy: Strategy = "kmeans",
    dense: bool = False,
    tile: int | None = None,
    threads: int | None = None,
) -> Upscaler:
    """An upscaler with a model that ships with the package, or one that `amsr export` wrote.

    Args:
        model: name of a backbone, or path of an ONNX file or an engine.
        scale: the upscaling factor, of which a model of the backbone must ship; None is the largest that ships.
        device: `auto` is the best that this machine has: an engine of the model (in its folder, the current folder, or
            the user's cache) on the GPU, ONNX Runtime's CUDA, the CPU; another choice that cannot be had is an error.
        dilation: side k of the mask's dilation square, odd: the dial between speed and quality; None is the model's.
        threshold: share of masked pixels from which a window is kept (SwinIR); None is the model's own.
        strategy: how the mask's threshold is found.
        dense: work everywhere, with the dense twin of a shipped model.
        tile: most LR pixels along a side that are upscaled at once; None is a fast size that fits into memory.
        threads: CPU threads that work on an operator; None is one for each core.

    A masked model with its dense twin beside it (`carn_x4.onnx`, `carn_x4_dense.onnx`) lets the twin upscale pictures
    so dense that it is faster; those get the full network, which is never worse. Whoever sets dilation, threshold,
    strategy or a mask gets just that.

    Raises:
        AmsrError: no such model, a file that is none or of another scale, a device that cannot be had, a value out of
            range.
    """
    path = shipped_model(model, scale, dense) if model in BACKBONES else Path(model)
    if not path.is_file():
        raise ModelError(f"model {str(model)!r} is neither a file nor one of: {', '.join(BACKBONES)}")
    backend = open_backend(path, device, threads)
    if scale not in (None, backend.metadata.scale):
        raise UserError(f"{path} upscales {backend.metadata.scale} times, not {scale} times; leave the scale out")
    twin = twin_path(path) if isinstance(backend, OnnxRuntimeBackend) else None
    load_twin = partial(open_backend, twin, device, threads) if twin and twin.is_file() else None
    return Upscaler(backend, dilation, threshold, strategy, dense, tile, load_twin)
