"""The default mask of `amsr_deploy.mask` in PyTorch, on the device where the training pictures live.

Every sum runs in the same order as there, in separate multiplications and additions, so that both agree bit for bit on
a CPU (a GPU divides by a constant by multiplying).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from amsr_deploy.mask import check_dilation, two_means
from amsr_deploy.mask.passes import FLAT_RANGE, GAUSSIAN_TAPS, HISTOGRAM_BINS
from amsr_deploy.models.masked import pad_reflected


def high_frequencies(image: Tensor) -> Tensor | None:
    """Compute `mask.high_frequencies` of [3, H, W] float32 in [0, 1]: [H, W] in [0, 1], None where flat."""
    residue = (image - _blur(image)).abs()
    detail = (residue[0] + residue[1] + residue[2]) / 3
    low, high = detail.min(), detail.max()
    if high - low < FLAT_RANGE:
        return None
    return (detail - low) / (high - low)


def _blur(image: Tensor) -> Tensor:
    centre, first, second = (float(tap) for tap in GAUSSIAN_TAPS)
    x = pad_reflected(image, 2)
    x = x[:, 2:-2] * centre + (x[:, 1:-3] + x[:, 3:-1]) * first + (x[:, :-4] + x[:, 4:]) * second
    return x[..., 2:-2] * centre + (x[..., 1:-3] + x[..., 3:-1]) * first + (x[..., :-4] + x[..., 4:]) * second


def split(frequencies: Tensor) -> Tensor:
    """Split high frequencies [H, W] into the undilated mask [H, W] bool, at the threshold of two means."""
    bins = (frequencies * HISTOGRAM_BINS).to(torch.int32).clamp_(max=HISTOGRAM_BINS - 1)
    histogram = torch.bincount(bins.flatten(), minlength=HISTOGRAM_BINS)
    threshold, _ = two_means(histogram.cpu().numpy())
    return frequencies > torch.tensor(threshold, dtype=torch.float32, device=frequencies.device)


def dilate(mask: Tensor, dilation: int) -> Tensor:
    """Dilate [H, W] bool as `amsr_deploy.mask.dilate` does, on any device.

    Raises:
        UserError: an even or non-positive dilation.
    """
    check_dilation(dilation)
    return _dilate_rows(_dilate_rows(mask, dilation).T, dilation).T


def _dilate_rows(mask: Tensor, dilation: int) -> Tensor:
    """Dilate along the first axis; the reach grows by doubling."""
    dilation = min(dilation, 2 * len(mask) - 1)  # no square reaches further
    radius = dilation // 2
    window = F.pad(mask, (0, 0, radius, radius))  # window[i] covers `reach` rows of it from i on
    reach = 1
    while reach < dilation:
        step = min(reach, dilation - reach)
        window = torch.logical_or(window[: len(window) - step], window[step:])
        reach += step
    return window


def compute_mask(image: Tensor, dilation: int = 5) -> Tensor:
    """Compute `mask.compute_mask` of a picture [3, H, W] float32 in [0, 1]: [H, W] bool."""
    frequencies = high_frequencies(image)
    if frequencies is None:
        return torch.zeros(image.shape[1:], dtype=torch.bool, device=image.device)
    return dilate(split(frequencies), dilation)
