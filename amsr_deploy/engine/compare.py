"""Compares a built engine with the CPU: an engine that differs is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from amsr_deploy.errors import EngineError
from amsr_deploy.image.arrays import as_batch
from amsr_deploy.image.sample_photo import largest_difference, read_sample
from amsr_deploy.mask import compute_mask
from amsr_deploy.runtime.backends.base import Backend, SelectionInputs
from amsr_deploy.runtime.backends.onnxruntime import OnnxRuntimeBackend
from amsr_deploy.runtime.backends.tensorrt.sidecar import Profile, Range
from amsr_deploy.runtime.selection import select, whole

TOLERANCE = {"float32": 2e-2, "float16": 2e-2, "bfloat16": 1e-1}
"""Largest difference allowed, on outputs in [-1, 1]: TensorRT multiplies float32 in TF32, with float16's digits."""


def verify_engine(engine: Backend, profile: Profile, model: Path) -> float:
    """Run a photo on the GPU and on the CPU.

    Args:
        engine: as it was built.
        profile: shapes that it takes.
        model: the ONNX that it was built from.

    Returns:
        The largest difference, as a share of the output's range where that is more than [-1, 1].

    Raises:
        EngineError: it is beyond the tolerance of the engine's precision.
        BackendError: one of them does not run.
    """
    image = _photo_within(profile["image"])
    inputs = _selection(engine, image)
    batch = as_batch(image)
    expected = OnnxRuntimeBackend(model, "cpu").run(batch, inputs)
    difference = largest_difference(engine.run(batch, inputs), expected)
    tolerance = TOLERANCE[engine.metadata.precision]
    if not difference <= tolerance:
        raise EngineError(
            f"the engine differs from the CPU by {difference:.2g}, more than {tolerance:g}; the file was not written; "
            "please report this with your versions of TensorRT and the driver, and the GPU"
        )
    return difference


def _photo_within(shapes: Range) -> NDArray[np.float32]:
    """Crop or reflect the sample photo to a size between the smallest and the largest."""
    photo = read_sample()
    least, _, most = shapes
    sides = [min(max(side, low), high) for side, low, high in zip(photo.shape, least[2:], most[2:], strict=False)]
    widths = [(0, max(0, wanted - side)) for wanted, side in zip(sides, photo.shape, strict=False)]
    return np.pad(photo, [*widths, (0, 0)], mode="reflect")[: sides[0], : sides[1]]


def _selection(engine: Backend, image: NDArray[np.float32]) -> SelectionInputs:
    metadata = engine.metadata
    if not metadata.masked:
        return {}
    return whole(select(compute_mask(image, metadata.dilation).pixels, metadata, metadata.threshold), image)
