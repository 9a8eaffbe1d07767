"""What a masked network works on: the mask as the network's selection inputs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from amsr_deploy.mask import keep_windows, pixel_index
from amsr_deploy.metadata import Metadata
from amsr_deploy.runtime.backends.base import SelectionInputs
from amsr_deploy.runtime.tiles import Span, pad


class Selection(Protocol):
    """What the body of a network computes of a picture that is padded, as its tiles are cut out of it."""

    @property
    def pixels(self) -> NDArray[np.bool_]:
        """Pixels [H, W] of the picture that the body computes: of windows, those that any layer keeps."""

    @property
    def density(self) -> float:
        """Share of the picture that the body computes, mean over its layers, in [0, 1]."""

    def inputs(self, rows: Span, columns: Span) -> SelectionInputs:
        """Return the network's inputs for a tile."""


def select(mask: NDArray[np.bool_], network: Metadata, threshold: float, edge: int = 0) -> Selection:
    """Choose what a masked network computes of a picture.

    Args:
        mask: [H, W] bool, true where the network shall work.
        network: what its model says about itself.
        threshold: share of masked pixels from which a window is kept; unused for bodies masked by pixels.
        edge: pixels by which the picture is reflected on all sides.
    """
    padded = pad(mask, edge, network.size_multiple)
    if network.body == "pixels":
        return SelectedPixels(mask, padded)
    window, (height, width) = network.window_size, mask.shape
    kept = (keep_windows(padded, window, threshold, shift) for shift in (0, window // 2))
    return SelectedWindows(window, (slice(edge, edge + height), slice(edge, edge + width)), *kept)


@dataclass(frozen=True)
class DenseSelection:
    """All of a picture, for a dense network, which takes no selection."""

    size: tuple[int, ...]

    density = 1.0

    @property
    def pixels(self) -> NDArray[np.bool_]:
        return np.ones(self.size, np.bool_)

    def inputs(self, rows: Span, columns: Span) -> SelectionInputs:
        return {}


@dataclass(frozen=True)
class SelectedPixels:
    """Pixels [H, W] bool of a picture, and of the padded one."""

    pixels: NDArray[np.bool_]
    padded: NDArray[np.bool_]

    @property
    def density(self) -> float:
        return float(self.pixels.mean())

    def inputs(self, rows: Span, columns: Span) -> SelectionInputs:
        return {"index": pixel_index(self.padded[rows.read, columns.read])}


@dataclass(frozen=True)
class SelectedWindows:
    """Kept windows [H / size, W / size] bool of a padded picture, decided once for all tiles.

    Attributes:
        size: side of a window.
        inside: where the picture is in the padded one.
        unshifted, shifted: the windows of the two kinds of layers.
    """

    size: int
    inside: tuple[slice, slice]
    unshifted: NDArray[np.bool_]
    shifted: NDArray[np.bool_]

    @property
    def pixels(self) -> NDArray[np.bool_]:
        unshifted, shifted = self._layers()
        return unshifted | shifted

    @property
    def density(self) -> float:
        return float(np.mean(self._layers()))

    def _layers(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Find the pixels [H, W] of the picture that each kind of layer computes."""
        unshifted, shifted = (
            kept.repeat(self.size, axis=0).repeat(self.size, axis=1) for kept in (self.unshifted, self.shifted)
        )
        shifted = np.roll(shifted, (self.size // 2, self.size // 2), axis=(0, 1))
        return unshifted[self.inside], shifted[self.inside]

    def inputs(self, rows: Span, columns: Span) -> SelectionInputs:
        unshifted = self.unshifted[np.ix_(*self._lines(rows, columns, shifted=False))]
        shifted = self.shifted[np.ix_(*self._lines(rows, columns, shifted=True))]
        return {"windows": np.flatnonzero(unshifted), "shifted_windows": np.flatnonzero(shifted)}

    def _lines(self, rows: Span, columns: Span, shifted: bool) -> Iterator[NDArray[np.int64]]:
        """Find, for each axis, which lines of windows of the picture a tile's lines of windows are.

        A tile's last line of shifted windows holds both its ends. Where one of them is an end of the picture, the
        picture's last line decides, which holds both ends of the picture.
        """
        for span, count in zip((rows, columns), self.unshifted.shape, strict=True):
            lines = np.arange(span.start, span.stop, self.size) // self.size
            if shifted and (span.start == 0 or span.stop == count * self.size):
                lines[-1] = count - 1
            yield lines


def whole(selection: Selection, pixels: NDArray[np.generic]) -> SelectionInputs:
    """Return the network's inputs for pixels [H, W, ...] in one piece."""
    return selection.inputs(*(Span.whole(side) for side in pixels.shape[:2]))
