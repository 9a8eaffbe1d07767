"""Dilation of the training pictures' masks, on the device where they live."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from amsr_deploy.mask import check_dilation


def dilate(mask: Tensor, dilation: int) -> Tensor:
    """`amsr_deploy.mask.dilate` of [H, W] bool on any device.

    Raises:
        UserError: an even or non-positive dilation.
    """
    check_dilation(dilation)
    return _dilate_rows(_dilate_rows(mask, dilation).T, dilation).T


def _dilate_rows(mask: Tensor, dilation: int) -> Tensor:
    """Dilation along the first axis; the reach grows by doubling."""
    radius = dilation // 2
    window = F.pad(mask, (0, 0, radius, radius))  # window[i] covers `reach` rows of it from i on
    reach = 1
    while reach < dilation:
        step = min(reach, dilation - reach)
        window = torch.logical_or(window[: len(window) - step], window[step:])
        reach += step
    return window
