"""How good the averaged weights are during a training: PSNR-Y on whole, masked pictures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.func import functional_call

from amsr_deploy.evaluation import metrics
from amsr_deploy.image.arrays import Element, to_float
from amsr_deploy.mask import compute_mask
from amsr_deploy.runtime.tiles import edge_for, pad
from amsr_deploy.training.data import channels_first
from amsr_deploy.training.device import full_precision
from amsr_deploy.training.pictures import Pair

SMALLEST = 8
"""LR pixels that each side of a validation picture must have."""
SHOWN = 4
"""Pictures that are shown."""
SHOWN_SIDE = 256
"""Side in HR pixels of what is shown of a picture."""


@dataclass(frozen=True)
class Validation:
    """The outcome of a validation: mean PSNR-Y in dB, and rows of [output, HR] crops [H, W, 3] uint8."""

    step: int
    psnr_y: float
    crops: tuple[NDArray[np.uint8], ...]


class Validator:
    """Whole pictures and their masks, on the device, reflected at their borders as the runtime reflects them."""

    def __init__(self, pairs: list[Pair], dilation: int, multiple: int, device: torch.device) -> None:
        """Make the masks of the pictures, and move both to the device.

        Args:
            pairs: the pictures.
            dilation: side of the square that grows the masks.
            multiple: what the sides of the network's input are multiples of.
            device: where the network is.
        """
        self._edge = edge_for(multiple)

        def batch_of(pixels: NDArray[Element]) -> Tensor:
            return torch.from_numpy(pad(pixels, self._edge, multiple)).to(device)[None]

        self._hr = [pair.hr for pair in pairs]
        self._masks = [batch_of(compute_mask(to_float(pair.lr), dilation).pixels)[:, None] for pair in pairs]
        self._images = [channels_first(batch_of(pair.lr)) for pair in pairs]

    @torch.no_grad()
    @full_precision()
    def measure(self, network: nn.Module, weights: dict[str, Tensor], step: int) -> Validation:
        """Upscale all pictures in float32 with the given weights."""
        figures: list[float] = []
        crops: list[NDArray[np.uint8]] = []
        for image, mask, hr in zip(self._images, self._masks, self._hr, strict=True):
            with torch.compiler.set_stance("force_eager"):  # to compile for each size would take longer
                output = functional_call(network, weights, (image, mask))[0].clamp(0, 1).mul(255).round().byte()
            scale = output.shape[1] // image.shape[2]
            height, width, _ = hr.shape
            top = left = self._edge * scale
            picture = output[:, top : top + height, left : left + width].permute(1, 2, 0).cpu().numpy()
            figures.append(metrics.psnr_y(picture, hr, scale))
            if len(crops) < SHOWN:
                crops.append(np.concatenate((_centre(picture), _centre(hr)), axis=1))
        return Validation(step, float(np.mean(figures)), tuple(crops))


def _centre(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Crop the middle of a picture, SHOWN_SIDE wide and high where it is that large."""
    top, left = (max(side - SHOWN_SIDE, 0) // 2 for side in picture.shape[:2])
    return picture[top : top + SHOWN_SIDE, left : left + SHOWN_SIDE]
