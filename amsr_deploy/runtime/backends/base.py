"""The interface of a backend, as the upscaler uses it."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from amsr_deploy.errors import BackendError
from amsr_deploy.metadata import Metadata

SelectionInputs = dict[str, NDArray[np.int64]]
"""Selection inputs of a network by name."""


class OutOfMemoryError(BackendError):
    """A picture or tile that is too large for the memory of the device."""


class Backend(Protocol):
    """A loaded model that runs."""

    metadata: Metadata
    """What the model says about itself."""
    model: str
    """The model's file name."""
    name: str
    """The backend as it is shown to users: software, version, device."""
    concurrency: int
    """Pictures that it may run at the same time, each in a thread: copies to a GPU overlap with its work."""
    largest: tuple[int, int] | None
    """Height and width of the largest picture that it takes at once; None: memory decides."""
    device_memory: int | None
    """Bytes of the device's own memory, where the largest tiles are the fastest; None where tiles do not follow it."""

    is_local: bool
    """Whether a pixel's result is the same to the last bit in any part of a picture that holds what the network sees
    of it and begins at even positions. Where it is not, only calls of equal inputs give equal bits."""

    def run(self, image: NDArray[np.float32], selection: SelectionInputs) -> NDArray[np.float32]:
        """Upscale [1, 3, H, W] in [0, 1], H and W multiples of the size multiple -> [1, 3, sH, sW], s the scale.

        Raises:
            OutOfMemoryError: a smaller tile may do.
        """

    def close(self) -> None:
        """Release what it holds of the device; it cannot run again."""
