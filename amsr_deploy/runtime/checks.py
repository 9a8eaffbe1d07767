"""Checks of what a caller may set: better one clear line before the work than a wrong picture after it."""

from __future__ import annotations

import os

import numpy as np
from numpy.typing import NDArray

from amsr_deploy.descriptor import STRATEGIES
from amsr_deploy.errors import UserError
from amsr_deploy.mask import Mask, check_dilation
from amsr_deploy.metadata import Metadata
from amsr_deploy.numeric import is_number, is_whole
from amsr_deploy.runtime.tiles import smallest_tile


def check_path(name: str, value: object) -> None:
    """Raise UserError where an argument cannot name a file."""
    if not isinstance(value, str | os.PathLike):
        raise UserError(f"`{name}` must be a str or a path, not of type {type(value).__name__}")


def check_settings(
    model: str, metadata: Metadata, masked: bool, dilation: object, threshold: object, strategy: object, tile: object
) -> None:
    """Raise UserError for a value out of its range, or one that the model has no use for; None is always good."""
    if dilation is not None:
        check_dilation(dilation)
        if not masked:
            raise UserError(f"{model} works everywhere: there is no mask to dilate")
    if threshold is not None:
        check_threshold(threshold, model, masked and metadata.body == "windows")
    if strategy not in STRATEGIES:
        raise UserError(f"unknown mask strategy {strategy!r}; use one of: {', '.join(STRATEGIES)}")
    if strategy != "kmeans" and not masked:
        raise UserError(f"{model} works everywhere: there is no mask to find; leave out `strategy` {strategy}")
    smallest = smallest_tile(metadata.halo, metadata.size_multiple)
    if tile is not None and (not is_whole(tile) or tile < smallest):
        raise UserError(f"tile {tile!r} is too small for {model} or no whole number; use {smallest} pixels or more")


def check_flag(name: str, value: object) -> None:
    """Raise UserError unless the value of an argument is True or False: "no" would count as True."""
    if not isinstance(value, bool | np.bool_):
        raise UserError(f"`{name}` {value!r} must be True or False")


def check_scale(scale: object) -> None:
    """Raise UserError unless the scale is a whole number; None is always good."""
    if scale is not None and not is_whole(scale):
        raise UserError(f"`scale` {scale!r} is no whole number; use 2, 3 or 4")


def check_threshold(threshold: object, model: str, has_windows: bool) -> None:
    """Raise UserError unless the threshold is in [0, 1] and there are windows to keep."""
    if not is_number(threshold) or not 0 <= threshold <= 1:
        raise UserError(f"threshold {threshold!r} is not a share; use a number from 0 to 1")
    if not has_windows:
        raise UserError(f"{model} has no windows to keep: a threshold is for masked SwinIR models")


def check_budget(budget: object) -> None:
    """Raise UserError unless the budget is a share of the dense network's cost."""
    if not is_number(budget) or not 0 < budget <= 1:
        raise UserError(
            f"`budget` {budget!r} is no share of the dense cost; give a number above 0, at most 1, like 0.4"
        )


def check_mask(mask: object) -> None:
    """Raise UserError unless a caller's own mask is an array [H, W] of bool."""
    if isinstance(mask, Mask):
        raise UserError("the mask is a Mask object; give its array of pixels: mask.pixels")
    if not isinstance(mask, np.ndarray) or mask.ndim != 2:
        given = f"has the shape {mask.shape}" if isinstance(mask, np.ndarray) else f"is a {type(mask).__name__}"
        raise UserError(f"a mask must be an array [height, width]; this one {given}")
    if isinstance(mask, np.ma.MaskedArray):
        raise UserError("a mask must be no masked array; fill it first: mask.filled(...)")
    if mask.dtype != np.bool_:
        raise UserError(f"a mask must be bool, not {mask.dtype}; give for example mask >= 128")


def check_region(region: NDArray[np.bool_], size: tuple[int, ...]) -> None:
    """Raise UserError unless a caller's own mask is one, and of a picture's size (height, width)."""
    check_mask(region)
    if region.shape != size:
        (height, width), (mask_height, mask_width) = size, region.shape
        raise UserError(
            f"the mask is {mask_width}x{mask_height}, but the picture {width}x{height}; they must be of one size"
        )
