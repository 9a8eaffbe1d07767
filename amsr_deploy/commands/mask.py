"""What `amsr mask` does with each of its pictures."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from amsr_deploy import image
from amsr_deploy.commands.batch import Job, Reporter, run_batch
from amsr_deploy.commands.inputs import Input, Inputs
from amsr_deploy.commands.outputs import Naming, Outputs, open_outputs
from amsr_deploy.descriptor import Descriptor, Strategy, describe
from amsr_deploy.mask import check_dilation, keep_windows
from amsr_deploy.mask.native import compute_mask
from amsr_deploy.runtime.checks import check_threshold


@dataclass(frozen=True)
class Request:
    """What is wanted of all pictures.

    Attributes:
        overlay: tint the photo where the backbone works, in place of a picture of the mask.
        dilation: side k of the mask's dilation square, odd.
        threshold: share of masked pixels from which a window is kept (SwinIR), in [0, 1].
        strategy: how the mask's threshold is found.
        has_windows: whether windows are kept, not pixels.
        window_size: side of a window.
    """

    overlay: bool
    dilation: int
    threshold: float
    strategy: Strategy
    has_windows: bool
    window_size: int


def wanted_mask(
    backbone: str, overlay: bool, dilation: int | None, threshold: float | None, strategy: Strategy
) -> Request:
    """Make the request for a backbone, whose dilation and threshold are the defaults.

    Raises:
        UserError: an even dilation, a threshold that is no share or for a backbone without windows.
    """
    descriptor: Descriptor = describe(backbone)
    has_windows = descriptor.body == "windows"
    if threshold is not None:
        check_threshold(threshold, backbone, has_windows)
    if dilation is not None:
        check_dilation(dilation)
    return Request(
        overlay,
        descriptor.dilation if dilation is None else dilation,
        descriptor.threshold if threshold is None else threshold,
        strategy,
        has_windows,
        descriptor.window_size,
    )


@dataclass(frozen=True)
class Report:
    """What a mask is like; see `mask.Mask`."""

    output: str
    density: float
    unit: str
    """What the density counts."""
    threshold: float
    rounds: int

    def values(self) -> dict[str, Any]:
        return asdict(self)

    def __str__(self) -> str:
        return (
            f"{self.output}: density {self.density:.3f} ({self.unit}), threshold {self.threshold:.4f}, "
            f"{self.rounds} rounds"
        )


def mask_pictures(inputs: Inputs, request: Request, naming: Naming, reporter: Reporter) -> int:
    """Write where a backbone works on each picture: a picture of the mask, or the photo with that area tinted.

    Args:
        inputs: the pictures.
        request: what is wanted.
        naming: how the outputs are named.
        reporter: says what became of each.

    Returns:
        The exit code; see `run_batch`.
    """
    with open_outputs(naming, inputs) as outputs:
        reporter.to_stderr = outputs.spool is not None
        label = "overlay" if request.overlay else "mask"
        return run_batch(
            [
                Job(source, partial(prepare, source, outputs, label), partial(write_mask, source, outputs, request))
                for source in inputs.pictures
            ],
            reporter,
        )


def prepare(source: Input, outputs: Outputs, label: str) -> None:
    """Check what can be known of a picture before it is read.

    Raises:
        AmsrError: it is not there, or its output cannot be.
    """
    source.check()
    outputs.claim(source, label)


def write_mask(source: Input, outputs: Outputs, request: Request, turn: object) -> Report:  # noqa: ARG001
    """Write the mask of a picture, or the picture with the mask as a tint.

    Raises:
        AmsrError: a picture that cannot be read, an output that cannot be written.
    """
    picture = source.read()
    found = compute_mask(picture.rgb, request.dilation, request.strategy)
    pixels, unit = found.pixels, "pixels"
    if request.has_windows:
        pixels, unit = windowed(pixels, request.window_size, request.threshold), "pixels in kept windows"
    target = outputs.claim(source, "overlay" if request.overlay else "mask")
    if request.overlay:
        tinted = image.overlay(picture, pixels)
        image.check_output(target, tinted)
        outputs.write(source, target, lambda path: image.write(path, tinted))
    else:
        outputs.write(source, target, lambda path: image.write_mask(path, pixels))
    return Report(outputs.shown(target), float(pixels.mean()), unit, found.threshold, found.rounds)


def windowed(mask: NDArray[np.bool_], window_size: int, threshold: float) -> NDArray[np.bool_]:
    """Return the pixels [H, W] of the windows that a mask [H, W] keeps; see `keep_windows`."""
    height, width = mask.shape
    padded = np.pad(mask, [(0, -side % window_size) for side in mask.shape], mode="reflect")
    kept = keep_windows(padded, window_size, threshold)
    return kept.repeat(window_size, axis=0).repeat(window_size, axis=1)[:height, :width]
