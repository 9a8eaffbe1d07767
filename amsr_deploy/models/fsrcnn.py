"""FSRCNN (Dong, Loy, Tang, "Accelerating the Super-Resolution Convolutional Neural Network", 2016), RGB, x4.

Weights are named as in ClassSR's FSRCNN_net.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from amsr_deploy.models.masked import Conv, MaskedCNN, PictureConv, convolutions
from amsr_deploy.models.start import carry_colours


class FSRCNN(MaskedCNN):
    """FSRCNN(d, s, m) with a 9x9 deconvolution; the masked body is the m mapping convolutions and their PReLU."""

    def __init__(self, d: int = 56, s: int = 12, m: int = 4) -> None:
        super().__init__()
        self.head_conv = nn.Sequential(nn.Conv2d(3, d, 5, padding=2), nn.PReLU())
        shrink = nn.Sequential(nn.Conv2d(d, s, 1), nn.PReLU())
        mapping = [nn.Conv2d(s, s, 3, padding=1) for _ in range(m)]
        expand = nn.Sequential(nn.Conv2d(s, d, 1), nn.PReLU())
        self.body_conv = nn.Sequential(shrink, *mapping, nn.PReLU(), expand)
        self.tail_conv = nn.ConvTranspose2d(d, 3, 9, stride=4, padding=3, output_padding=1)
        self._start_bilinear()

    @torch.no_grad()
    def _start_bilinear(self) -> None:
        """Start as a bilinear upsampling."""
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                carry_colours(layer)
        ramp = (1 - (torch.arange(9) - 4.5).abs() / 4).clamp(min=0)  # LR pixel i lies at 4i + 1.5, tap k at 4i - 3 + k
        self.tail_conv.weight *= 0.1
        self.tail_conv.weight[:3] = torch.eye(3)[..., None, None] * torch.outer(ramp, ramp)
        nn.init.zeros_(self.tail_conv.bias)  # type: ignore[arg-type]

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
        return conv.to_map(conv(self.tail_conv, conv(expand, features, activation=activation)))


def layer_and_activation(layers: nn.Module) -> tuple[nn.Conv2d, nn.Module]:
    """The two parts of a convolution with its activation."""
    layer, activation = layers.children()
    assert isinstance(layer, nn.Conv2d)
    return layer, activation
