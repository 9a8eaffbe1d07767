"""The mask: where a picture has edges and texture."""

from amsr_deploy.mask.compute import Mask, compute_mask, keep_windows, pixel_index
from amsr_deploy.mask.passes import check_dilation, dilate, high_frequencies

__all__ = ["Mask", "check_dilation", "compute_mask", "dilate", "high_frequencies", "keep_windows", "pixel_index"]
