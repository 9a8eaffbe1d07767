"""Upscaling a sequence of frames, each of which pays for what is new in it."""

from __future__ import annotations

import logging
import math
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic

import numpy as np
from numpy.typing import NDArray

from amsr_deploy.descriptor import DEFAULT_BACKBONE
from amsr_deploy.errors import UserError
from amsr_deploy.image.arrays import Element, check_picture, is_grey, to_float, white
from amsr_deploy.mask.detail import detail_threshold, mask_above_detail, mask_reach
from amsr_deploy.numeric import is_number, is_whole
from amsr_deploy.runtime.budget import mask_within
from amsr_deploy.runtime.checks import check_budget, check_flag, check_mask, check_region
from amsr_deploy.runtime.settings import Settings
from amsr_deploy.runtime.upscaler import Upscaler, load
from amsr_deploy.video.cuts import CutDetector
from amsr_deploy.video.parts import PartUpscaler
from amsr_deploy.video.reuse import Flags, KeptInputs, Rectangle, Tiles, join, selection_changes, single

if TYPE_CHECKING:
    from typing_extensions import Unpack

TILE = 16
"""Default side of a tile in LR pixels, where tiles that changed are joined; as measured: docs/video.md."""
EXACT_TILE = 8
"""The same without a tolerance, where no tile is compared on its own."""
LONE_TILE = 32
"""Default side of a tile where each is a call of its own, and overlaps with all others."""
TOLERANCE = 3
"""Default tolerance, of 255, as measured: docs/video.md."""
SMALLEST_TILE = 8
SEEN_SHARE = 1 / 3
"""Share of the halo that counts where the tolerance is not 0: what is further away changes next to nothing."""
RENEWED_SHARE = 0.6
"""Share of changed tiles from which the others are computed, too, where another threshold fits better."""
DRIFT = 1.1
"""By how many times the threshold of a frame that is mostly new may be larger or smaller than that of its scene."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class UpscaledFrame(Generic[Element]):
    """A frame and what it took.

    Attributes:
        image: [sH, sW, 3] of the frame's type, s the model's scale.
        reused: share of the picture that was kept from earlier frames, in [0, 1].
        density: share of the picture where the network's body worked, in [0, 1].
        new_scene: whether a scene begins with it: the first frame does, and what follows a cut.
        seconds: wall time.
    """

    image: NDArray[Element]
    reused: float
    density: float
    new_scene: bool
    seconds: float


@dataclass(frozen=True)
class _Scene:
    """What is decided for the frames from one cut to the next, and again where it no longer fits.

    Attributes:
        threshold: the detail above which pixels are masked.
        dilation: side of the square that grows the mask.
        grey: whether the results get no colour, as its frames have none.
    """

    threshold: float
    dilation: int
    grey: bool

    @property
    def is_flat(self) -> bool:
        """Whether it was decided by a flat picture, which tells nothing about those that follow."""
        return self.threshold == math.inf

    def fits(self, picture: NDArray[np.float32]) -> bool:
        """Whether what was decided can hold for a changed picture, too."""
        return not self.is_flat and (not self.grey or is_grey(picture))

    def is_near(self, threshold: float) -> bool:
        """Whether the threshold of a later picture is so near that this one can stay; a flat one has none."""
        return threshold == math.inf or self.threshold / DRIFT <= threshold <= self.threshold * DRIFT


_NO_SCENE = _Scene(math.inf, dilation=1, grey=False)


class VideoUpscaler:
    """Upscales frames that follow each other, and computes only those tiles again whose input changed.

    One object is for one stream: calls of several threads wait for each other.

    Attributes:
        upscaler: what upscales the tiles.
    """

    def __init__(
        self,
        model: str | Path | Upscaler = DEFAULT_BACKBONE,
        *,
        tolerance: float = TOLERANCE,
        tile: int | None = None,
        reuse: bool = True,
        mask: NDArray[np.bool_] | None = None,
        budget: float | None = None,
        **settings: Unpack[Settings],
    ) -> None:
        """Load a model, or take one that is loaded.

        Args:
            model: name of a backbone, path of an ONNX file or an engine, or an upscaler.
            tolerance: a tile is kept while no value of its input, halo included, differs by more than this, of 255,
                from the frame that it was computed from. With 0 the results are equal to the last bit to those without
                reuse; else the inner third of the halo is enough.
            tile: side of a tile in LR pixels, a multiple of 8; None is 16, or 8 with a tolerance of 0, or 32 where each
                tile is a call of its own.
            reuse: False computes all tiles of all frames, exactly: no tolerance holds.
            mask: [H, W] bool, a region of interest of all frames; None computes masks.
            budget: most multiply-accumulates of the first frame of a scene, as a share of the dense network's: the
                scene gets the largest dilation that costs no more, or 1. None is the upscaler's own dilation.
            settings: other keyword arguments of `amsr_deploy.load`, where a model is to be loaded.

        Raises:
            AmsrError: see `amsr_deploy.load`; a tolerance, tile or budget out of its range; a mask or a budget for a
                model that works everywhere; a budget beside a mask or a dilation; settings beside an upscaler; a
                self-ensemble.
        """
        check_flag("reuse", reuse)
        if not is_number(tolerance) or not 0 <= tolerance < 255:
            raise UserError(f"`tolerance` {tolerance!r} is out of range; use 0 (exact) to 254")
        if tile is not None:
            _check_tile(tile)
        if mask is not None:
            check_mask(mask)
        if budget is not None:
            check_budget(budget)
            if mask is not None or settings.get("dilation") is not None:
                raise UserError("a `budget` sets the dilation: leave out `mask` and `dilation`")
        if isinstance(model, Upscaler) and settings:
            raise UserError(f"{model.model} is loaded already; leave out {', '.join(f'`{name}`' for name in settings)}")
        self._is_own = not isinstance(model, Upscaler)
        self.upscaler = model if isinstance(model, Upscaler) else load(model, **settings)
        if self.upscaler.has_self_ensemble:
            raise UserError("a self-ensemble is for single pictures; leave out `self_ensemble`")
        if (mask is not None or budget is not None) and not self.upscaler.is_masked:
            raise UserError(f"{self.upscaler.model} works everywhere: it cannot follow a mask or a budget")
        self._tolerance = tolerance if reuse else 0
        exact = self._tolerance == 0
        self._tile = tile or ((EXACT_TILE if exact else TILE) if self.upscaler.is_local else LONE_TILE)
        self._reuse, self._budget = reuse, budget
        self._region = None if mask is None else mask.copy()
        halo = self.upscaler.metadata.halo
        self._parts = PartUpscaler(self.upscaler, halo if exact else math.ceil(halo * SEEN_SHARE))
        self._scene = _NO_SCENE
        self._is_over_budget = False
        self._kind: tuple[tuple[int, ...], np.dtype[Any]] | None = None
        self._last: tuple[NDArray[Any], NDArray[np.bool_] | None]
        self._canvas: NDArray[Any]
        self._tiles: Tiles
        self._inputs: KeptInputs
        self._lock = threading.Lock()

    @property
    def tile(self) -> int:
        """Side of a tile in LR pixels."""
        return self._tile

    @property
    def tolerance(self) -> float:
        """Largest difference of a value, of 255, for which a tile is kept; 0 without reuse."""
        return self._tolerance

    def close(self) -> None:
        """Close the model, if it was loaded for these frames."""
        if self._is_own:
            self.upscaler.close()

    def __enter__(self) -> VideoUpscaler:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def upscale(self, frame: NDArray[Element]) -> UpscaledFrame[Element]:
        """Upscale the next frame; one of another size or type begins anew.

        Args:
            frame: [H, W, 3] RGB: uint8, uint16, or floating point in [0, 1].

        Raises:
            UserError: a shape or type that does not fit.
            ModelError: the network's output is not finite.
            OutOfMemoryError: even small tiles are too large for the memory.
        """
        check_picture(frame)
        with self._lock:
            return self._upscale(frame)

    def _upscale(self, frame: NDArray[Element]) -> UpscaledFrame[Element]:
        """`upscale` for one thread at a time."""
        started = time.perf_counter()
        if self._kind != (frame.shape, frame.dtype):
            self._begin_anew_with(frame)
        fresh, (density, computed, new_scene) = self._fresh(frame), (0.0, 0.0, False)
        if not self._reuse or fresh.any():
            self._kind = None  # a failure leaves half a frame, on which no other can build
            density, computed, new_scene = self._follow(frame, fresh)
            self._kind = (frame.shape, frame.dtype)
        seconds = time.perf_counter() - started
        return UpscaledFrame(self._canvas.astype(frame.dtype), 1 - computed, density, new_scene, seconds)

    def _begin_anew_with(self, frame: NDArray[Element]) -> None:
        """Forget what was kept of frames of another shape or type."""
        scale, size = self.upscaler.metadata.scale, (frame.shape[0], frame.shape[1])
        if self._region is not None:
            check_region(self._region, size)
        stored = frame.dtype if frame.dtype in (np.uint8, np.uint16) else np.dtype(np.float32)
        self._canvas = np.empty((size[0] * scale, size[1] * scale, 3), stored)
        self._last, self._cuts = (np.empty(0), None), CutDetector()
        self._decide(_NO_SCENE, frame)

    def _decide(self, scene: _Scene, frame: NDArray[Element]) -> None:
        """Let something else hold from this frame on, all of which is to be computed."""
        reach = self._parts.reach
        if self._tolerance > 0 and self.upscaler.is_masked:
            reach += mask_reach(scene.dilation)
        height, width, _ = frame.shape
        side = min(self._tile, SMALLEST_TILE * math.ceil(max(height, width) / SMALLEST_TILE))
        self._scene, self._tiles = scene, Tiles((height, width), side, reach)
        self._inputs = KeptInputs(self._tiles, self._tolerance_of(frame.dtype))

    def _fresh(self, frame: NDArray[Element]) -> NDArray[np.bool_]:
        """Find the pixels [H, W] that differ from the last frame."""
        last, _ = self._last
        if last.shape != frame.shape:
            return np.ones(frame.shape[:2], np.bool_)
        red, green, blue = np.moveaxis(frame != last, 2, 0)
        return np.asarray(red | green | blue)

    def _follow(self, frame: NDArray[Element], fresh: NDArray[np.bool_]) -> tuple[float, float, bool]:
        """Bring the canvas to a frame; returns the density, the share that was computed, and whether a scene begins."""
        picture = to_float(frame)
        new_scene = bool(fresh.any()) and self._cuts.begins_scene(picture)
        mask = self._mask_of(picture)
        changed = self._changed(frame, fresh, mask)
        renewed = new_scene or (bool(changed.any()) and self._is_outdated(picture, changed))
        if renewed:
            self._decide(self._scene_of(picture), frame)
            mask = self._mask_of(picture)
        density = 0.0
        computed = np.ones_like(changed) if renewed or not self._reuse else changed
        if computed.any():
            computed, density = self._compute(picture, mask, computed)
        if self._tolerance > 0:
            self._inputs.keep(frame, computed)
        self._last = (frame.copy(), mask)
        return density, float(computed.mean()), new_scene

    def _changed(self, frame: NDArray[np.generic], fresh: NDArray[np.bool_], mask: NDArray[np.bool_] | None) -> Flags:
        """Find the tiles that have to be computed again, given the pixels that differ from the last frame.

        Without a tolerance all tiles show the last frame; with one, the frame that each was computed from.
        """
        if self._tolerance > 0:
            return self._inputs.differ(frame, self._tiles.holding(fresh))
        _, last_mask = self._last
        if mask is not None and last_mask is not None:
            fresh = fresh | selection_changes(mask, last_mask, self.upscaler.metadata)
        return self._tiles.holding(fresh)

    def _tolerance_of(self, dtype: np.dtype[np.generic]) -> float:
        """Return the tolerance in units of a type of picture."""
        tolerance = self._tolerance * white(dtype) / 255
        return tolerance if np.issubdtype(dtype, np.floating) else math.floor(tolerance)

    def _is_outdated(self, picture: NDArray[np.float32], changed: Flags) -> bool:
        """Tell whether something else should hold from this picture on."""
        if not self._scene.fits(picture):
            return True
        is_mostly_new = bool(changed.mean() >= RENEWED_SHARE)
        return self._finds_masks and is_mostly_new and not self._scene.is_near(self._threshold_of(picture))

    @property
    def _finds_masks(self) -> bool:
        return self.upscaler.is_masked and self._region is None

    def _threshold_of(self, picture: NDArray[np.float32]) -> float:
        return detail_threshold(picture, self.upscaler.strategy)

    def _scene_of(self, picture: NDArray[np.float32]) -> _Scene:
        """Decide what holds from this picture on."""
        upscaler, grey = self.upscaler, is_grey(picture)
        if not self._finds_masks:
            return _Scene(0, upscaler.dilation, grey)
        threshold = self._threshold_of(picture)
        if self._budget is not None:
            return _Scene(threshold, self._dilation_within(self._budget, picture, threshold), grey)
        return _Scene(threshold, upscaler.dilation, grey)

    def _dilation_within(self, budget: float, picture: NDArray[np.float32], threshold: float) -> int:
        """Find the largest dilation that a budget pays for in this picture, or 1."""
        mask, dilation = mask_within(self.upscaler, mask_above_detail(picture, threshold, dilation=1), budget)
        if self.upscaler.cost_share(mask) > budget and not self._is_over_budget:
            self._is_over_budget = True
            _log.warning("there are scenes where even dilation 1 costs more than the `budget`")
        if self._scene.is_flat or dilation != self._scene.dilation:
            _log.info("the budget pays for dilation %d from now on", dilation)
        return dilation

    def _mask_of(self, picture: NDArray[np.float32]) -> NDArray[np.bool_] | None:
        """Where the network works; None is everywhere."""
        if self._region is not None or not self.upscaler.is_masked:
            return self._region
        return mask_above_detail(picture, self._scene.threshold, self._scene.dilation)

    def _compute(
        self, picture: NDArray[np.float32], mask: NDArray[np.bool_] | None, wanted: Flags
    ) -> tuple[Flags, float]:
        """Put new tiles on the canvas; returns those that were computed, and the density."""
        rectangles = self._rectangles(wanted)
        parts = [self._tiles.core(rectangle) for rectangle in rectangles]
        pixels = self._parts.run(picture, parts, mask, self._canvas, self._scene.grey)
        computed, working = np.zeros_like(wanted), np.zeros(picture.shape[:2], np.bool_)
        for rectangle, part in zip(rectangles, parts, strict=True):
            computed[rectangle.top : rectangle.bottom + 1, rectangle.left : rectangle.right + 1] = True
            working[part] = pixels[part]
        return computed, float(working.mean())

    def _rectangles(self, wanted: Flags) -> list[Rectangle]:
        return join(wanted, self._tile, self._parts.halo) if self.upscaler.is_local else single(wanted)


def _check_tile(tile: int) -> None:
    """Raise UserError for what is no side of a tile."""
    if not is_whole(tile) or tile < SMALLEST_TILE or tile % SMALLEST_TILE:
        raise UserError(f"`tile` {tile!r} is no side of a tile; use a multiple of {SMALLEST_TILE}")
