"""The mask: where a picture has edges and texture."""

from amsr_deploy.mask.reference import (
    Mask,
    check_dilation,
    compute_mask,
    detail_threshold,
    dilate,
    high_frequencies,
    keep_windows,
    mask_above_detail,
    mask_reach,
    pixel_index,
    two_means,
)

__all__ = [
    "Mask",
    "check_dilation",
    "compute_mask",
    "detail_threshold",
    "dilate",
    "high_frequencies",
    "keep_windows",
    "mask_above_detail",
    "mask_reach",
    "pixel_index",
    "two_means",
]
