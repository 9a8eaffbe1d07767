"""From a network's planes to the samples of a picture: clipped, rounded, interleaved."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from amsr_deploy import native
from amsr_deploy.image.arrays import from_float

_SAMPLES = (np.uint8, np.uint16, np.float32)


def interleave(planes: NDArray[np.float32], pixels: NDArray[np.generic], grey: bool) -> bool:
    """Write planes as pixels, in native code where the library is there.

    Args:
        planes: [3, H, W] float32, white is 1; a row is contiguous.
        pixels: [H, W, 3] uint8, uint16 or float32 to write to; a row is contiguous. Values are clipped to [0, 1],
            scaled to the range of the type, and rounded to the nearest, halves to even.
        grey: give all channels the mean of the three planes.

    Returns:
        Whether all values were finite; the pixels are of no use where they were not.

    Raises:
        ValueError: arrays of other shapes or types: native code takes their addresses.
        BackendError: AMSR_CPU_ISA names an instruction set that cannot be used.
    """
    height, width = pixels.shape[:2]
    fit = planes.shape == (3, height, width) and pixels.shape == (height, width, 3)
    if not fit or planes.dtype != np.float32 or pixels.dtype not in _SAMPLES:
        raise ValueError(f"{planes.dtype} {planes.shape} cannot be written to {pixels.dtype} {pixels.shape}")
    library = native.load()
    if library is None:
        return interleave_in_numpy(planes, pixels, grey)
    strides = (planes.strides[0] // planes.itemsize, planes.strides[1] // planes.itemsize)
    row_stride = pixels.strides[0] // pixels.itemsize
    return library.amsr_interleave(
        planes.ctypes.data, *planes.shape[1:], *strides, grey, pixels.itemsize, pixels.ctypes.data, row_stride
    )


def interleave_in_numpy(planes: NDArray[np.float32], pixels: NDArray[np.generic], grey: bool) -> bool:
    """Do the same as `interleave` in NumPy, with equal results."""
    if not np.isfinite(planes).all():
        return False
    if grey:
        planes = ((planes[0] + planes[1] + planes[2]) / np.float32(3))[None]
    pixels[:] = from_float(np.clip(planes, 0, 1).transpose(1, 2, 0), pixels.dtype)
    return True
