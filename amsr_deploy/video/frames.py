"""Upscaling frames that follow each other, as programs do it."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Generic

import numpy as np
from numpy.typing import NDArray

from amsr_deploy.descriptor import DEFAULT_BACKBONE
from amsr_deploy.errors import UserError
from amsr_deploy.image.arrays import Element, check_picture
from amsr_deploy.runtime.checks import check_budget, check_mask
from amsr_deploy.runtime.loading import load
from amsr_deploy.runtime.settings import Settings
from amsr_deploy.runtime.upscaler import Upscaler
from amsr_deploy.video.reuse import TOLERANCE, Reuse
from amsr_deploy.video.scene import SceneMasks
from amsr_deploy.video.sequence import FrameSequence

if TYPE_CHECKING:
    from typing_extensions import Unpack


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
        self._reuse = Reuse(tolerance, tile, reuse)
        self._reuse.check()
        _check_masks(mask, budget, settings.get("dilation"))
        if isinstance(model, Upscaler) and settings:
            raise UserError(f"{model.model} is loaded already; leave out {', '.join(f'`{name}`' for name in settings)}")
        self._is_own = not isinstance(model, Upscaler)
        self.upscaler = model if isinstance(model, Upscaler) else load(model, **settings)
        if self.upscaler.has_self_ensemble:
            raise UserError("a self-ensemble is for single pictures; leave out `self_ensemble`")
        self._masks = SceneMasks(self.upscaler, mask, budget)
        self._sequence: FrameSequence | None = None
        self._lock = threading.Lock()

    @property
    def tile(self) -> int:
        """Side of a tile in LR pixels."""
        return self._reuse.tile(self.upscaler.is_local)

    @property
    def tolerance(self) -> float:
        """Largest difference of a value, of 255, for which a tile is kept; 0 without reuse."""
        return self._reuse.tolerance

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
            started = time.perf_counter()
            sequence, self._sequence = self._sequence, None  # after a failure, no frame builds on this one
            if sequence is None or not sequence.holds(frame):
                sequence = FrameSequence(self.upscaler, self._masks, self._reuse, frame)
            step = sequence.follow(frame)
            self._sequence = sequence
            image, seconds = sequence.canvas.astype(frame.dtype), time.perf_counter() - started
            return UpscaledFrame(image, 1 - step.computed, step.density, step.new_scene, seconds)


def _check_masks(mask: NDArray[np.bool_] | None, budget: float | None, dilation: int | None) -> None:
    """Raise UserError for what is no mask or budget, and for a budget beside what it would set."""
    if mask is not None:
        check_mask(mask)
    if budget is not None:
        check_budget(budget)
        if mask is not None or dilation is not None:
            raise UserError("a `budget` sets the dilation: leave out `mask` and `dilation`")
