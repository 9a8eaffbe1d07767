"""Upscaling a sequence of frames, each of which pays for what is new in it."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from amsr_deploy.descriptor import DEFAULT_BACKBONE
from amsr_deploy.errors import UserError
from amsr_deploy.image.arrays import from_float, to_float, white
from amsr_deploy.runtime.checks import check_region
from amsr_deploy.runtime.upscaler import Upscaler, load
from amsr_deploy.video.reuse import Flags, Rectangle, Tiles, join, single

TILE = 16
"""Default side of a tile in LR pixels, where tiles that changed are joined; as measured: docs/video.md."""
LONE_TILE = 32
"""Default side of a tile where each is a call of its own, and overlaps with all others."""
TOLERANCE = 3
"""Default tolerance, of 255, as measured: docs/video.md."""
SMALLEST_TILE = 8
SEEN_SHARE = 1 / 3
"""Share of the halo that counts where the tolerance is not 0: what is further away changes next to nothing."""
CUT_SHARE = 0.6
"""Share of changed tiles from which a frame begins a new scene."""

Element = TypeVar("Element", bound=np.generic)


@dataclass(frozen=True)
class UpscaledFrame(Generic[Element]):
    """A frame and what it took.

    Attributes:
        image: [sH, sW, 3] of the frame's type, s the model's scale.
        reused: share of the picture that was kept from earlier frames, in [0, 1].
        density: share of the picture where the network's body worked, in [0, 1].
        new_scene: whether a scene begins with it.
        seconds: wall time.
    """

    image: NDArray[Element]
    reused: float
    density: float
    new_scene: bool
    seconds: float


@dataclass(frozen=True)
class _Scene:
    """What is decided once for the frames from one cut to the next.

    Attributes:
        threshold: the detail above which pixels are masked.
        dense: whether the dense network works everywhere.
    """

    threshold: float
    dense: bool

    @property
    def is_flat(self) -> bool:
        """Whether the scene began with a flat picture, which tells nothing about those that follow."""
        return self.threshold == math.inf


_NO_SCENE = _Scene(math.inf, dense=False)


class VideoUpscaler:
    """Upscales frames that follow each other, and computes only those tiles again whose input changed.

    Attributes:
        upscaler: what upscales the tiles.
        tile: side of a tile in LR pixels.
        tolerance: largest difference of a value, of 255, for which a tile is kept.
    """

    def __init__(
        self,
        model: str | Path | Upscaler = DEFAULT_BACKBONE,
        *,
        tolerance: float = TOLERANCE,
        tile: int | None = None,
        reuse: bool = True,
        mask: NDArray[np.bool_] | None = None,
        **settings: Any,
    ) -> None:
        """Load a model, or take one that is loaded.

        Args:
            model: name of a backbone, path of an ONNX file or an engine, or an upscaler.
            tolerance: a tile is kept while no value of its input, halo included, differs by more than this, of 255,
                from the frame that it was computed from. With 0 the results are equal to the last bit to those without
                reuse; else the inner third of the halo is enough.
            tile: side of a tile in LR pixels, a multiple of 8; None is 16, or 32 where each tile is a call of its own.
            reuse: False computes all tiles of all frames.
            mask: [H, W] bool, a region of interest of all frames; None computes masks.
            settings: keyword arguments of `amsr_deploy.load`, where a model is to be loaded.

        Raises:
            AmsrError: see `amsr_deploy.load`; a tolerance or tile out of its range.
        """
        if not 0 <= tolerance < 255:
            raise UserError(f"`tolerance` {tolerance} is out of range; use 0 (exact) to 254")
        if tile is not None:
            _check_tile(tile)
        self.upscaler = model if isinstance(model, Upscaler) else load(model, **settings)
        if mask is not None and not self.upscaler.is_masked:
            raise UserError(f"{self.upscaler.model} works everywhere: it cannot follow a mask")
        self.tile = tile or (TILE if self.upscaler.is_local else LONE_TILE)
        self.tolerance = tolerance
        self._reuse, self._region = reuse, mask
        halo = self.upscaler.metadata.halo
        self._halo = halo if tolerance == 0 else math.ceil(halo * SEEN_SHARE)
        self._scene = _NO_SCENE
        self._kind: tuple[tuple[int, ...], np.dtype[Any]] | None = None
        self._canvas: NDArray[Any]
        self._tiles: Tiles

    def upscale(self, frame: NDArray[Element]) -> UpscaledFrame[Element]:
        """Upscale the next frame; one of another size or type begins anew.

        Args:
            frame: [H, W, 3] RGB: uint8, uint16, or floating point in [0, 1].

        Raises:
            UserError: a shape or type that does not fit.
            ModelError: the network's output is not finite.
            OutOfMemoryError: even small tiles are too large for the memory.
        """
        started = time.perf_counter()
        self._begin_anew_with(frame)
        changed = self._tiles.changed(frame, self._tolerance_of(frame.dtype))
        new_scene = bool(changed.any()) and (self._scene.is_flat or bool(changed.mean() >= CUT_SHARE))
        computed = np.ones_like(changed) if new_scene or not self._reuse else changed
        density = 0.0
        if computed.any():
            picture = to_float(frame)
            if new_scene:
                self._scene = self._scene_of(picture)
            self._kind = None  # a failure leaves half a frame, on which no other can build
            computed, density = self._compute(frame, picture, computed)
            self._tiles.keep(frame, computed)
            self._kind = (frame.shape, frame.dtype)
        reused = 1 - float(computed.mean())
        return UpscaledFrame(
            self._canvas.astype(frame.dtype), reused, density, new_scene, time.perf_counter() - started
        )

    def _begin_anew_with(self, frame: NDArray[Element]) -> None:
        """Forget what was kept of earlier frames, unless this one is of their shape and type."""
        if self._kind == (frame.shape, frame.dtype):
            return
        to_float(frame)
        scale, size = self.upscaler.metadata.scale, (frame.shape[0], frame.shape[1])
        if self._region is not None:
            check_region(self._region, size)
        self._kind, self._scene = (frame.shape, frame.dtype), _NO_SCENE
        stored = frame.dtype if frame.dtype in (np.uint8, np.uint16) else np.dtype(np.float32)
        self._canvas = np.empty((size[0] * scale, size[1] * scale, 3), stored)
        self._tiles = Tiles(size, self.tile, self.upscaler.reach(self._halo))

    def _tolerance_of(self, dtype: np.dtype[np.generic]) -> float:
        """Return the tolerance in units of a type of picture."""
        tolerance = self.tolerance * white(dtype) / 255
        return tolerance if np.issubdtype(dtype, np.floating) else math.floor(tolerance)

    def _scene_of(self, picture: NDArray[np.float32]) -> _Scene:
        """Decide what holds from this picture on."""
        if not self.upscaler.is_masked or self._region is not None:
            return _Scene(threshold=0, dense=not self.upscaler.is_masked)
        threshold = self.upscaler.detail_threshold(picture)
        return _Scene(threshold, self.upscaler.prefers_dense(self.upscaler.mask_above(picture, threshold)))

    def _mask_of(self, picture: NDArray[np.float32]) -> NDArray[np.bool_] | None:
        """Where the network works; None is everywhere."""
        if self._scene.dense or self._region is not None:
            return self._region
        return self.upscaler.mask_above(picture, self._scene.threshold)

    def _compute(self, frame: NDArray[np.generic], picture: NDArray[np.float32], wanted: Flags) -> tuple[Flags, float]:
        """Put new tiles on the canvas; returns those that were computed, and the density."""
        mask, rectangles = self._mask_of(picture), self._rectangles(wanted)
        parts = [self._tiles.core((part.top, part.left), (part.bottom, part.right)) for part in rectangles]
        self.upscaler.run_parts(picture, parts, mask, self._halo, self._canvas)
        computed, working = np.zeros_like(wanted), np.zeros(picture.shape[:2], np.bool_)
        for rectangle, part in zip(rectangles, parts, strict=True):
            computed[rectangle.top : rectangle.bottom + 1, rectangle.left : rectangle.right + 1] = True
            working[part] = True if mask is None else mask[part]
        self._remove_colour(frame, computed)
        return computed, float(working.mean())

    def _rectangles(self, wanted: Flags) -> list[Rectangle]:
        return join(wanted, self.tile, self._halo) if self.upscaler.is_local else single(wanted)

    def _remove_colour(self, frame: NDArray[np.generic], computed: Flags) -> None:
        """Take from computed tiles that see no colour the little of it that networks let into edges."""
        scale = self.upscaler.metadata.scale
        grey = (frame[..., 0] == frame[..., 1]) & (frame[..., 0] == frame[..., 2])
        for rows, columns in self._tiles.all(grey, computed):
            tile = self._canvas[scaled(rows, scale), scaled(columns, scale)]
            tile[...] = from_float(to_float(tile).mean(axis=2, keepdims=True), tile.dtype)


def _check_tile(tile: int) -> None:
    """Raise UserError for what is no side of a tile."""
    if not isinstance(tile, int | np.integer) or tile < SMALLEST_TILE or tile % SMALLEST_TILE:
        raise UserError(f"`tile` {tile!r} is no side of a tile; use a multiple of {SMALLEST_TILE}")


def scaled(pixels: slice, scale: int) -> slice:
    """Return a range of pixels in the upscaled picture."""
    return slice(pixels.start * scale, pixels.stop * scale)
