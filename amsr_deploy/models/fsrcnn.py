"""FSRCNN (Dong, Loy, Tang, "Accelerating the Super-Resolution Convolutional Neural Network", 2016), RGB.

Weights are named as in ClassSR's FSRCNN_net.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from amsr_deploy.models.backbone import Weights, count_blocks
from amsr_deploy.models.masked import Conv, MaskedCNN, PictureConv, convolutions
from amsr_deploy.models.start import carry_colours

TAPS = 9
"""Side of the transposed convolution's kernel."""


class FSRCNN(MaskedCNN):
    """FSRCNN(d, s, m) with a 9x9 deconvolution; the masked body is the m mapping convolutions and their PReLU."""

    SIGNATURE: ClassVar[tuple[str, ...]] = ("head_conv.0.weight", "tail_conv.weight")
    UPSAMPLER: ClassVar[tuple[str, ...]] = ("tail_conv.",)

    def __init__(self, scale: int = 4, d: int = 56, s: int = 12, m: int = 4) -> None:
        super().__init__()
        self.scale = scale
        self.head_conv = nn.Sequential(nn.Conv2d(3, d, 5, padding=2), nn.PReLU())
        shrink = nn.Sequential(nn.Conv2d(d, s, 1), nn.PReLU())
        mapping = [nn.Conv2d(s, s, 3, padding=1) for _ in range(m)]
        expand = nn.Sequential(nn.Conv2d(s, d, 1), nn.PReLU())
        self.body_conv = nn.Sequential(shrink, *mapping, nn.PReLU(), expand)
        padding = TAPS // 2 - (scale - 1) // 2  # puts tap TAPS / 2 of an LR pixel onto the middle of what it becomes
        output_padding = 2 * padding - TAPS + scale
        self.tail_conv = nn.ConvTranspose2d(d, 3, TAPS, scale, padding, output_padding)
        self._start_bilinear()

    @torch.no_grad()
    def _start_bilinear(self) -> None:
        """Start as a bilinear upsampling."""
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                carry_colours(layer)
        centre = (self.scale - 1) / 2 + int(self.tail_conv.padding[0])  # LR pixel i lies there, seen from its first tap
        ramp = (1 - (torch.arange(TAPS) - centre).abs() / self.scale).clamp(min=0)
        self.tail_conv.weight *= 0.1
        self.tail_conv.weight[:3] = torch.eye(3)[..., None, None] * torch.outer(ramp, ramp)
        nn.init.zeros_(self.tail_conv.bias)  # type: ignore[arg-type]

    @classmethod
    def arguments(cls, weights: Weights) -> dict[str, Any]:
        d, s = len(weights["head_conv.0.weight"]), len(weights["body_conv.0.0.weight"])
        return {"d": d, "s": s, "m": count_blocks(weights, "body_conv.{}.bias", first=1)}

    @property
    def halo(self) -> int:
        mapping = len(convolutions(self.body_conv))
        return 2 + mapping + math.ceil(TAPS / 2 / self.scale)

    @property
    def bytes_per_pixel(self) -> int:
        return 1_440 + 160 * self.scale**2

    @property
    def values_per_pixel(self) -> int:
        return max(self.tail_conv.in_channels, 3 * self.scale**2)

    def masked_modules(self) -> list[nn.Module]:
        return [*convolutions(self.body_conv), self.body_conv[-2]]

    def head(self, image: Tensor, conv: PictureConv) -> Tensor:
        x = conv.from_map(image)
        for layers in (self.head_conv, self.body_conv[0]):
            layer, activation = layer_and_activation(layers)
            x = conv(layer, x, activation=activation)
        return x

    def body(self, x: Tensor, conv: Conv) -> Tensor:
        *mapping, last = convolutions(self.body_conv)
        for layer in mapping:
            x = conv(layer, x)
        return conv(last, x, activation=self.body_conv[-2])

    def tail(self, features: Tensor, image: Tensor, conv: PictureConv) -> Tensor:
        expand, activation = layer_and_activation(self.body_conv[-1])
        return conv.to_map(conv.upscaled(self.tail_conv, conv(expand, features, activation=activation), self.scale))


def layer_and_activation(layers: nn.Module) -> tuple[nn.Conv2d, nn.Module]:
    """Return the two parts of a convolution with its activation."""
    layer, activation = layers.children()
    assert isinstance(layer, nn.Conv2d)
    return layer, activation
