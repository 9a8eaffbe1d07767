"""The picture of a mask: what `amsr mask` writes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from amsr_deploy import image
from amsr_deploy.commands.outputs import check_distinct
from amsr_deploy.descriptor import Strategy, describe
from amsr_deploy.mask import keep_windows
from amsr_deploy.mask.native import compute_mask
from amsr_deploy.runtime.checks import check_threshold


def write_picture_mask(
    photo: Path,
    output: Path | None,
    overlay: bool,
    backbone: str,
    dilation: int | None,
    threshold: float | None,
    strategy: Strategy,
) -> str:
    """Write where a backbone works on a photo, or the photo with that area tinted; returns a line about the mask.

    Args:
        photo: the picture.
        output: where to write; None is beside the photo, `NAME_mask.png` or `NAME_overlay.png`.
        overlay: tint the photo.
        backbone: its dilation is the default; where it works by windows, the kept ones of unshifted layers are shown.
        dilation: side k of the mask's dilation square, odd; None is the backbone's own.
        threshold: share of masked pixels from which a window is kept (SwinIR), in [0, 1]; None is the backbone's own.
        strategy: how the mask's threshold is found.

    Raises:
        AmsrError: a photo that cannot be read, an even dilation, a threshold that is no share or for a backbone without
            windows, an output that cannot be written.
    """
    descriptor = describe(backbone)
    if threshold is not None:
        check_threshold(threshold, backbone, descriptor.body == "windows")
    picture = image.read(photo)
    found = compute_mask(picture.rgb, descriptor.dilation if dilation is None else dilation, strategy)
    pixels, unit = found.pixels, "pixels"
    if descriptor.body == "windows":
        share = descriptor.threshold if threshold is None else threshold
        pixels, unit = windowed(found.pixels, descriptor.window_size, share), "pixels in kept windows"
    target = output or photo.parent / f"{photo.stem}_{'overlay' if overlay else 'mask'}.png"
    check_distinct({photo.resolve()}, [target])
    if overlay:
        tinted = image.overlay(picture, pixels)
        image.check_output(target, tinted)
        image.write(target, tinted)
    else:
        image.write_mask(target, pixels)
    return f"{target}: density {pixels.mean():.3f} ({unit}), threshold {found.threshold:.4f}, {found.rounds} rounds"


def windowed(mask: NDArray[np.bool_], window_size: int, threshold: float) -> NDArray[np.bool_]:
    """The pixels [H, W] of the windows that a mask [H, W] keeps; see `keep_windows`."""
    height, width = mask.shape
    padded = np.pad(mask, [(0, -side % window_size) for side in mask.shape], mode="reflect")
    kept = keep_windows(padded, window_size, threshold)
    return kept.repeat(window_size, axis=0).repeat(window_size, axis=1)[:height, :width]
