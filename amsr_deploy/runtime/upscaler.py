"""The one entry of the runtime: mask, tiles, backend (design section 7)."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from amsr_deploy.descriptor import BACKBONES, DEFAULT_BACKBONE, Strategy
from amsr_deploy.errors import ModelError, UserError
from amsr_deploy.image.arrays import from_float, to_float
from amsr_deploy.mask import Mask, mask_reach
from amsr_deploy.mask.native import compute_mask, detail_threshold, mask_above_detail
from amsr_deploy.metadata import Metadata
from amsr_deploy.runtime import tiles
from amsr_deploy.runtime.backends.base import Backend, Device, OutOfMemoryError
from amsr_deploy.runtime.backends.choose import open_backend
from amsr_deploy.runtime.backends.onnxruntime import OnnxRuntimeBackend
from amsr_deploy.runtime.checks import check_region, check_settings
from amsr_deploy.runtime.memory import memory_budget
from amsr_deploy.runtime.selection import Everything, Selection, select
from amsr_deploy.runtime.shipped import shipped_model, twin_path

EDGE = 4
"""LR pixels by which pictures are reflected on all sides: networks see black outside, which tints their borders."""
TILE_HALOS = 16
"""Default side of a tile in halos: larger ones overlap less, but cost more in fresh memory than that saves."""

PHASE = 2
"""Parts of a picture begin at multiples of this: kernels may compute pixels in squares of this side."""

Element = TypeVar("Element", bound=np.generic)
Result = TypeVar("Result")


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


@dataclass(frozen=True)
class _Work:
    """What is going to run on a picture."""

    backend: Backend
    selection: Selection
    mask: Mask | None
    density: float
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
        self._tile = self._largest_tile(tile)
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

    @property
    def is_local(self) -> bool:
        """Whether parts of a picture may be upscaled in any arrangement, with equal bits; see `Backend.is_local`."""
        return self._backend.is_local

    @property
    def part_multiple(self) -> int:
        """Parts of a picture begin at multiples of this many pixels."""
        return max(PHASE, self.metadata.size_multiple)

    def reach(self, halo: int) -> int:
        """LR pixels around a part of a picture that `run_parts` reads with a halo, and that its mask depends on."""
        overlap = tiles.round_up(halo, self.part_multiple) + self.part_multiple - 1
        return overlap + (mask_reach(self.dilation) if self.is_masked else 0)

    def detail_threshold(self, image: NDArray[np.float32]) -> float:
        """The detail above which `mask` masks a picture [H, W, 3] in [0, 1]; infinite where that is flat."""
        return detail_threshold(image, self._strategy)

    def mask_above(self, image: NDArray[np.float32], threshold: float) -> NDArray[np.bool_]:
        """Where a picture [H, W, 3] in [0, 1] has more detail than that, grown by the dilation: [H, W] bool.

        In other pictures of one scene, such masks do not change where the picture does not.
        """
        return mask_above_detail(image, threshold, self.dilation)

    def prefers_dense(self, mask: NDArray[np.bool_]) -> bool:
        """Whether a mask [H, W] of this upscaler's own is so dense that the dense twin is faster."""
        return self._dense_reason(mask) is not None

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
        return from_float(self.run(to_float(image), mask).image, image.dtype)

    def run(self, image: NDArray[np.float32], mask: NDArray[np.bool_] | None = None) -> Upscaled:
        """`upscale` on [H, W, 3] float32 in [0, 1], with what it took. A picture without colour gets none."""
        started = time.perf_counter()
        scale, (height, width) = self.metadata.scale, image.shape[:2]
        work = self._prepare(image, mask)
        padded = self._pad(image, self._edge)
        result = self._within_memory(padded, partial(self._upscale_tiles, padded, work))
        result = result[tuple(slice(self._edge * scale, (self._edge + side) * scale) for side in (height, width))]
        _check_finite(result)
        if (image == image[..., :1]).all():  # networks let a little colour into edges
            result[:] = result.mean(axis=2, keepdims=True)
        np.clip(result, 0, 1, out=result)
        seconds = time.perf_counter() - started
        cost_share = self.metadata.cost.share(work.density)
        return Upscaled(result, work.mask, work.density, cost_share, seconds, work.dense_reason)

    def run_parts(
        self, image: NDArray[np.float32], parts: Sequence[tiles.Part], mask: NDArray[np.bool_] | None, halo: int
    ) -> Iterator[NDArray[np.float32]]:
        """Upscale parts of a picture, as they are in the whole of it.

        Args:
            image: the picture, [H, W, 3] float32 in [0, 1].
            parts: rows and columns of each, which begin at multiples of `part_multiple`.
            mask: [H, W] bool, where the network works; None is everywhere, in the dense twin where there is one.
            halo: LR pixels around a part that are read; with fewer than the network sees, `metadata.halo`, results are
                only nearly those in the whole picture.

        Returns:
            [s * rows, s * columns, 3] float32 of each part; s is the scale. Colours may lie a little outside of [0, 1].

        Raises:
            ModelError: the network's output is not finite.
            OutOfMemoryError: even small tiles are too large for the memory.
        """
        padded, work = self._pad(image, self._edge), self._work_on(image.shape[:2], mask)

        def upscale(part: tiles.Part) -> NDArray[np.float32]:
            rows, columns = (slice(axis.start + self._edge, axis.stop + self._edge) for axis in part)
            result = self._within_memory(padded, partial(self._upscale_part, padded, work, (rows, columns), halo))
            _check_finite(result)
            return result

        if self.concurrency == 1:
            yield from map(upscale, parts)
        else:
            with ThreadPoolExecutor(self.concurrency) as threads:
                yield from threads.map(upscale, parts)

    def _work_on(self, size: tiles.Size, mask: NDArray[np.bool_] | None) -> _Work:
        if mask is None and self.metadata.masked and self._twin is not None:
            return _Work(self._twin, Everything(), None, 1.0)
        pixels = np.ones(size, dtype=np.bool_) if mask is None else mask
        return _Work(self._backend, self._select(pixels, self._edge), None, float(pixels.mean()))

    def _prepare(self, image: NDArray[np.float32], region: NDArray[np.bool_] | None) -> _Work:
        """What runs on a picture: decided for the whole of it, so that tiles make no difference."""
        mask = self._mask_for(image, region)
        pixels = np.ones(image.shape[:2], dtype=np.bool_) if mask is None else mask.pixels
        reason = self._dense_reason(pixels) if mask is not None and region is None else None
        if reason and self._twin is not None:
            return _Work(self._twin, Everything(), None, 1.0, reason)
        density = self._select(pixels, edge=0).density
        return _Work(self._backend, self._select(pixels, self._edge), mask, density)

    def _dense_reason(self, pixels: NDArray[np.bool_]) -> str | None:
        """Why the dense twin is better for a mask [H, W] that was found by default; None where it is not."""
        density, limit = self._select(pixels, edge=0).density, self.metadata.dense_above
        is_better = self._takes_default_mask and density > limit and self._twin is not None
        return f"density {density:.3g} is above {limit:.3g}" if is_better else None

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

    def _pad(self, array: NDArray[Element], edge: int) -> NDArray[Element]:
        """[H, W, ...] reflected by an edge on all sides, and further at the bottom and right to the size multiple."""
        multiple = self.metadata.size_multiple
        widths = [(edge, edge + -(side + 2 * edge) % multiple) for side in array.shape[:2]]
        return np.pad(array, widths + [(0, 0)] * (array.ndim - 2), mode="reflect")

    def _select(self, pixels: NDArray[np.bool_], edge: int) -> Selection:
        """What the model computes, given a mask [H, W] of the picture."""
        if not self.metadata.masked:
            return Everything()
        return select(self._pad(pixels, edge), self.metadata, self.threshold)

    def _within_memory(self, image: NDArray[np.float32], upscale: Callable[[tiles.Size], Result]) -> Result:
        """What `upscale` makes of tiles, smaller ones where memory runs out, now and for the pictures that follow."""
        longest = max(image.shape[:2])
        tile = (min(self._tile[0], longest), min(self._tile[1], longest))
        while True:
            try:
                return upscale(tile)
            except OutOfMemoryError:
                tile = self._tile = (tile[0] // 2, tile[1] // 2)
                if min(tile) < tiles.smallest_tile(self.metadata.halo, self.metadata.size_multiple):
                    raise
                warnings.warn(f"out of memory; trying again with tiles of {tile[0]}x{tile[1]} pixels", stacklevel=2)

    def _upscale_tiles(self, image: NDArray[np.float32], work: _Work, tile: tiles.Size) -> NDArray[np.float32]:
        """[H, W, 3] -> [sH, sW, 3]."""
        scale, (height, width) = self.metadata.scale, image.shape[:2]
        result = np.empty((height * scale, width * scale, 3), dtype=np.float32)
        for rows, columns in tiles.grid(height, width, tile, self.metadata.halo, self.metadata.size_multiple):
            result[rows.placed(scale), columns.placed(scale)] = self._upscale_tile(image, work, rows, columns)
        return result

    def _upscale_part(
        self, image: NDArray[np.float32], work: _Work, part: tiles.Part, halo: int, tile: tiles.Size
    ) -> NDArray[np.float32]:
        """Rows and columns of [H, W, 3] -> [s * rows, s * columns, 3]."""
        scale, (height, width) = self.metadata.scale, image.shape[:2]
        top, left = (axis.start * scale for axis in part)
        result = np.empty((part[0].stop * scale - top, part[1].stop * scale - left, 3), dtype=np.float32)
        for rows, columns in tiles.part_grid(part, height, width, tile, halo, self.part_multiple):
            upscaled = self._upscale_tile(image, work, rows, columns)
            y, x = rows.first * scale - top, columns.first * scale - left
            result[y : y + upscaled.shape[0], x : x + upscaled.shape[1]] = upscaled
        return result

    def _upscale_tile(
        self, image: NDArray[np.float32], work: _Work, rows: tiles.Span, columns: tiles.Span
    ) -> NDArray[np.float32]:
        """What a tile is responsible for, channels last."""
        read = np.ascontiguousarray(image[rows.read, columns.read].transpose(2, 0, 1)[None])
        upscaled = work.backend.run(read, work.selection.inputs(rows, columns))[0]
        return upscaled[:, rows.core(self.metadata.scale), columns.core(self.metadata.scale)].transpose(1, 2, 0)


def _check_finite(result: NDArray[np.float32]) -> None:
    if not np.isfinite(result).all():
        raise ModelError("the network's output is not finite; float16 can overflow: use the float32 model")


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
