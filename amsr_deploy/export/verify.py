"""Compares an exported model with PyTorch: an export that differs is refused."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from amsr_deploy.descriptor import Descriptor, describe
from amsr_deploy.errors import ModelError
from amsr_deploy.image.arrays import as_batch
from amsr_deploy.image.sample_photo import largest_difference, read_sample
from amsr_deploy.mask import compute_mask
from amsr_deploy.metadata import Precision
from amsr_deploy.models import Network
from amsr_deploy.runtime.backends.onnxruntime import OnnxRuntimeBackend
from amsr_deploy.runtime.selection import select, whole

TOLERANCE = {"float32": 1e-4, "float16": 2e-2, "bfloat16": 1e-1}
"""Largest difference allowed to PyTorch, on outputs in [-1, 1]."""
ROUNDINGS = 4.0
"""A model may also differ by this many times the rounding error of PyTorch in float32."""
_RANDOM_CELLS = ((1, 1), (3, 2), (2, 5))  # sizes of random pictures, in multiples of 11 or whole windows

Case = tuple[NDArray[np.float32], NDArray[np.bool_]]


def verify(path: Path, network: Network) -> float:
    """Compare a model file in ONNX Runtime with the network it was made of, on a photo and on random pictures.

    Args:
        path: the exported ONNX.
        network: in float32.

    Returns:
        The largest difference to PyTorch in float64, as a share of the output's range where that is more than [-1, 1].

    Raises:
        ModelError: it is beyond the tolerance of the model's precision, and beyond what PyTorch's own float32 is off:
            on noise, which it was not made for, a network can magnify what is rounded.
    """
    backend = OnnxRuntimeBackend(path, "cpu")
    metadata = backend.metadata
    single, double = network.eval(), copy.deepcopy(network).eval().double()
    tolerance, worst = TOLERANCE[metadata.precision], 0.0
    for image, mask in cases(describe(metadata.backbone), metadata.masked):
        batch = as_batch(image)
        inputs = whole(select(mask, metadata, metadata.threshold), mask) if metadata.masked else {}
        actual = backend.run(batch, inputs)
        picture = torch.from_numpy(batch)
        masks = (torch.from_numpy(mask)[None, None],) if metadata.masked else ()
        expected = compute(double, picture.double(), *masks)
        check_finite(actual, expected, metadata.precision)
        difference = largest_difference(actual, expected)
        if difference > tolerance:
            rounding = largest_difference(compute(single, picture, *masks), expected)
            if not difference <= tolerance + ROUNDINGS * rounding:
                raise ModelError(
                    f"the exported model differs from PyTorch by {difference:.2g}, more than {tolerance:g}; "
                    "the file was not written; please report this with your versions of torch, onnx and onnxruntime"
                )
        worst = max(worst, difference)
    return worst


def compute(network: Network, image: Tensor, *masks: Tensor) -> NDArray[np.floating]:
    """Run a network in PyTorch."""
    with torch.no_grad():
        return network(image, *masks).numpy()


def check_finite(actual: NDArray[np.generic], expected: NDArray[np.generic], precision: Precision) -> None:
    """Check that an output holds numbers only.

    Args:
        actual: of the exported model.
        expected: of the network in PyTorch.
        precision: of the model.

    Raises:
        ModelError: there is NaN or an infinity, and why.
    """
    if not np.isfinite(expected).all():
        raise ModelError("output sr of the network holds NaN or infinities: its weights are damaged; no file written")
    if not np.isfinite(actual).all():
        advice = "" if precision == "float32" else "; export it in float32"
        raise ModelError(
            f"output sr of the exported model holds NaN or infinities: {precision} overflows; no file written{advice}"
        )


def cases(descriptor: Descriptor, masked: bool) -> Iterator[Case]:
    """Yield pictures [H, W, 3] float32 and masks [H, W], of other sizes than the traced one."""
    photo = read_sample()
    yield photo, compute_mask(photo, descriptor.dilation).pixels
    random = np.random.default_rng(0)
    cell = descriptor.size_multiple if descriptor.size_multiple > 1 else 11
    for down, across in _RANDOM_CELLS:
        shape = (down * cell, across * cell)
        image = random.random((*shape, 3), dtype=np.float32)
        for density in (0.0, 0.5, 1.0) if masked else (1.0,):
            yield image, random.random(shape) < density
