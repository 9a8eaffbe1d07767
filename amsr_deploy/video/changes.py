"""Which tiles of a frame have to be computed: those whose input changed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from amsr_deploy.metadata import Metadata
from amsr_deploy.runtime.tiles import edge_for
from amsr_deploy.video.rectangles import Flags
from amsr_deploy.video.tiles import Tiles


class Inputs(Protocol):
    """What the tiles were computed from."""

    def changed(self, frame: NDArray[Any], fresh: NDArray[np.bool_], mask: NDArray[np.bool_] | None) -> Flags:
        """Find the tiles that have to be computed again.

        Args:
            frame: [H, W, 3] uint8, uint16 or float.
            fresh: [H, W], the pixels that differ from the last frame.
            mask: [H, W], where the network works; None is everywhere.
        """

    def keep(self, frame: NDArray[Any], mask: NDArray[np.bool_] | None, computed: Flags) -> None:
        """Remember a frame, from which these tiles were computed."""


class LastInputs:
    """The last frame, which all tiles show where there is no tolerance."""

    def __init__(self, tiles: Tiles, network: Metadata) -> None:
        self._tiles, self._network = tiles, network
        self._mask: NDArray[np.bool_] | None = None

    def changed(self, frame: NDArray[Any], fresh: NDArray[np.bool_], mask: NDArray[np.bool_] | None) -> Flags:
        """See `Inputs`."""
        if mask is not None and self._mask is not None:
            fresh = fresh | selection_changes(mask, self._mask, self._network)
        return self._tiles.holding(fresh)

    def keep(self, frame: NDArray[Any], mask: NDArray[np.bool_] | None, computed: Flags) -> None:
        """See `Inputs`."""
        self._mask = mask


class KeptInputs:
    """The frame that each tile was computed from, with a tolerance."""

    def __init__(self, tiles: Tiles, tolerance: float) -> None:
        """Begin with nothing.

        Args:
            tiles: the tiles.
            tolerance: largest difference of a value that is no change, in units of the frames' type.
        """
        self._tiles, self._tolerance = tiles, tolerance
        self._kept: NDArray[Any] | None = None

    def changed(self, frame: NDArray[Any], fresh: NDArray[np.bool_], mask: NDArray[np.bool_] | None) -> Flags:
        """See `Inputs`; what is masked follows from the frame."""
        among = self._tiles.holding(fresh)
        if self._kept is None:
            return among
        changed, inputs = np.zeros_like(among), self._tiles.inputs_of(frame)
        for row, columns in rows(among):
            now, before = inputs[row, columns], self._kept[row, columns]
            largest = (np.maximum(now, before) - np.minimum(now, before)).max(axis=(1, 2))
            changed[row, columns] = largest > self._tolerance
        return changed

    def keep(self, frame: NDArray[Any], mask: NDArray[np.bool_] | None, computed: Flags) -> None:
        """See `Inputs`; at first all tiles are computed."""
        inputs = self._tiles.inputs_of(frame)
        if self._kept is None:
            self._kept = inputs.copy()
            return
        for row, columns in rows(computed):
            self._kept[row, columns] = inputs[row, columns]


def rows(flags: Flags) -> Iterator[tuple[int, NDArray[np.intp]]]:
    """Yield the rows that hold tiles that are set, and their columns: one row at a time takes little memory."""
    for row in np.flatnonzero(flags.any(axis=1)).tolist():
        yield row, np.flatnonzero(flags[row])


def selection_changes(mask: NDArray[np.bool_], other: NDArray[np.bool_], network: Metadata) -> NDArray[np.bool_]:
    """Find the pixels [H, W] where a network may select differently by one mask of a picture and by another.

    Windows that are shifted over an end of the picture hold pixels of both ends.
    """
    changes = mask != other
    if network.body == "windows":
        ends = edge_for(network.size_multiple) + network.size_multiple  # how far inside windows over padding reach
        for lines in (changes, changes.T):
            either = lines[:ends].any(axis=0) | lines[-ends:].any(axis=0)
            lines[:ends] |= either
            lines[-ends:] |= either
    return changes
