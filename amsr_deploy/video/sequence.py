"""Frames of one size and type that follow each other, each of which pays for what is new in it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from amsr_deploy.image.arrays import to_float
from amsr_deploy.mask.detail import Detail, mask_reach
from amsr_deploy.runtime.checks import check_region
from amsr_deploy.runtime.upscaler import Upscaler
from amsr_deploy.video.changes import Inputs, KeptInputs, LastInputs
from amsr_deploy.video.cuts import CutDetector
from amsr_deploy.video.parts import PartUpscaler
from amsr_deploy.video.rectangles import Flags, join, single
from amsr_deploy.video.reuse import SMALLEST_TILE, Reuse
from amsr_deploy.video.scene import UNDECIDED, Scene, SceneMasks
from amsr_deploy.video.tiles import Tiles


@dataclass(frozen=True)
class Step:
    """What a frame took.

    Attributes:
        computed: share of the picture that was computed.
        density: share of the picture where the network's body worked.
        new_scene: whether a scene begins with it.
    """

    computed: float = 0
    density: float = 0
    new_scene: bool = False


class FrameSequence:
    """Upscales frames on one canvas, of which it keeps what did not change.

    Attributes:
        canvas: [sH, sW, 3] uint8, uint16 or float32, the last frame upscaled.
    """

    def __init__(self, upscaler: Upscaler, masks: SceneMasks, reuse: Reuse, like: NDArray[Any]) -> None:
        """Begin with nothing.

        Args:
            upscaler: what upscales the tiles.
            masks: where it works.
            reuse: what may be kept.
            like: a frame [H, W, 3]; all have its size and type.

        Raises:
            UserError: a region of another size.
        """
        self._upscaler, self._masks, self._reuse = upscaler, masks, reuse
        self._kind = like.shape, like.dtype
        self._size = like.shape[0], like.shape[1]
        if masks.region is not None:
            check_region(masks.region, self._size)
        stored = like.dtype if like.dtype in (np.uint8, np.uint16) else np.dtype(np.float32)
        scale = upscaler.metadata.scale
        self.canvas = np.empty((self._size[0] * scale, self._size[1] * scale, 3), stored)
        self._parts = PartUpscaler(upscaler, reuse.halo(upscaler.metadata.halo))
        self._cuts = CutDetector()
        self._last: NDArray[Any] | None = None
        self._scene, self._tiles, self._inputs = self._begin(UNDECIDED)

    def holds(self, frame: NDArray[Any]) -> bool:
        """Tell whether a frame is of this size and type."""
        return (frame.shape, frame.dtype) == self._kind

    def _begin(self, scene: Scene) -> tuple[Scene, Tiles, Inputs]:
        """Let something else hold: its tiles, and their inputs, of which nothing is known."""
        reach, dtype = self._parts.reach, self._kind[1]
        if self._reuse.tolerance and self._upscaler.is_masked:
            reach += mask_reach(scene.dilation)
        longest = SMALLEST_TILE * math.ceil(max(self._size) / SMALLEST_TILE)
        tiles = Tiles(self._size, min(self._side, longest), reach)
        if self._reuse.tolerance:
            return scene, tiles, KeptInputs(tiles, self._reuse.tolerance_of(dtype))
        return scene, tiles, LastInputs(tiles, self._upscaler.metadata)

    @property
    def _side(self) -> int:
        return self._reuse.tile(self._upscaler.is_local)

    def follow(self, frame: NDArray[Any]) -> Step:
        """Bring the canvas to the next frame; after an error, no other can follow.

        Raises:
            ModelError: the network's output is not finite.
            OutOfMemoryError: even small tiles are too large for the memory.
        """
        fresh = self._fresh(frame)
        is_repeated = not fresh.any()
        if is_repeated and self._reuse.is_on:
            return Step()
        picture = to_float(frame)
        detail = Detail(picture)
        new_scene = not is_repeated and self._cuts.begins_scene(picture)
        mask = self._masks.mask(detail, self._scene)
        wanted = self._inputs.changed(frame, fresh, mask)
        if new_scene or self._masks.are_outdated(detail, self._scene, wanted):
            self._scene, self._tiles, self._inputs = self._begin(self._masks.decide(detail, self._scene))
            mask = self._masks.mask(detail, self._scene)
            wanted = np.ones_like(wanted)
        computed, density = self._compute(picture, mask, wanted if self._reuse.is_on else np.ones_like(wanted))
        self._inputs.keep(frame, mask, computed)
        self._last = frame.copy()
        return Step(float(computed.mean()), density, new_scene)

    def _fresh(self, frame: NDArray[Any]) -> NDArray[np.bool_]:
        """Find the pixels [H, W] that differ from the last frame."""
        if self._last is None:
            return np.ones(self._size, np.bool_)
        red, green, blue = np.moveaxis(frame != self._last, 2, 0)
        return np.asarray(red | green | blue)

    def _compute(
        self, picture: NDArray[np.float32], mask: NDArray[np.bool_] | None, wanted: Flags
    ) -> tuple[Flags, float]:
        """Put new tiles on the canvas; returns those that were computed, and the density."""
        if not wanted.any():
            return wanted, 0.0
        is_local = self._upscaler.is_local
        rectangles = join(wanted, self._side, self._parts.halo) if is_local else single(wanted)
        parts = [self._tiles.core(rectangle) for rectangle in rectangles]
        pixels = self._parts.run(picture, parts, mask, self.canvas, self._scene.grey)
        computed, working = np.zeros_like(wanted), np.zeros(self._size, np.bool_)
        for rectangle, part in zip(rectangles, parts, strict=True):
            computed[rectangle.top : rectangle.bottom + 1, rectangle.left : rectangle.right + 1] = True
            working[part] = pixels[part]
        return computed, float(working.mean())
