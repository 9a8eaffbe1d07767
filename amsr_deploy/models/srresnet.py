"""SRResNet without batch normalisation (Ledig et al., 2017; the MSRResNet of ESRGAN's authors), RGB.

Weights are named as in BasicSR's MSRResNet, but for `blocks`; those of ClassSR are renamed too.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

from torch import Tensor, nn
from torch.nn import functional as F

from amsr_deploy.models.activation import RELU
from amsr_deploy.models.backbone import Weights, count_blocks
from amsr_deploy.models.masked import Conv, MaskedCNN, PictureConv

CHANNELS = 64
LEAKY_RELU = nn.LeakyReLU(0.1)
"""The activation outside the body."""


def conv3x3(outputs: int = CHANNELS, inputs: int = CHANNELS) -> nn.Conv2d:
    """Make a 3x3 convolution that keeps the size."""
    return nn.Conv2d(inputs, outputs, 3, padding=1)


class ResidualBlock(nn.Module):
    """Convolution, ReLU, convolution, around a shortcut."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = conv3x3(), conv3x3()
        for layer in (self.conv1, self.conv2):  # small residuals let the deep network start near the identity
            nn.init.kaiming_normal_(layer.weight)
            layer.weight.data *= 0.1
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor, conv: Conv) -> Tensor:
        return conv(self.conv2, conv(self.conv1, x, activation=RELU), residual=x)


class SRResNet(MaskedCNN):
    """16 residual blocks of 64 channels, pixel-shuffle stages (two for x4); the masked body is the residual blocks."""

    SIGNATURE: ClassVar[tuple[str, ...]] = ("conv_first.weight", "blocks.0.conv1.weight", "upconv1.weight")
    UPSAMPLER: ClassVar[tuple[str, ...]] = ("upconv",)
    RENAMED: ClassVar[dict[str, str]] = {"recon_trunk.": "blocks.", "body.": "blocks.", "HRconv.": "conv_hr."}

    def __init__(self, scale: int = 4, blocks: int = 16) -> None:
        super().__init__()
        self.scale = scale
        self.conv_first = conv3x3(inputs=3)
        self.blocks = nn.ModuleList(ResidualBlock() for _ in range(blocks))
        self.factors = (2, 2) if scale == 4 else (scale,)
        for number, factor in enumerate(self.factors, 1):
            self.add_module(f"upconv{number}", conv3x3(factor**2 * CHANNELS))
        self.conv_hr, self.conv_last = conv3x3(), conv3x3(outputs=3)

    @classmethod
    def arguments(cls, weights: Weights) -> dict[str, Any]:
        scale = 4 if "upconv2.weight" in weights else math.isqrt(len(weights["upconv1.weight"]) // CHANNELS)
        return {"scale": scale, "blocks": count_blocks(weights, "blocks.{}.conv1.weight")}

    @property
    def halo(self) -> int:
        return 2 * len(self.blocks) + 4

    @property
    def bytes_per_pixel(self) -> int:
        return 4_000 + 1_000 * self.scale**2

    @property
    def values_per_pixel(self) -> int:
        return CHANNELS * self.scale**2

    def masked_modules(self) -> list[nn.Module]:
        return list(self.blocks)

    def head(self, image: Tensor, conv: PictureConv) -> Tensor:
        return conv(self.conv_first, conv.from_map(image), activation=LEAKY_RELU)

    def body(self, x: Tensor, conv: Conv) -> Tensor:
        for block in self.blocks:
            x = block(x, conv)
        return x

    def tail(self, features: Tensor, image: Tensor, conv: PictureConv) -> Tensor:
        for number, factor in enumerate(self.factors, 1):
            upconv = self.get_submodule(f"upconv{number}")
            assert isinstance(upconv, nn.Conv2d)
            features = conv.upscaled(upconv, features, factor, activation=LEAKY_RELU)
        features = conv(self.conv_hr, features, activation=LEAKY_RELU)
        base = F.interpolate(image, scale_factor=self.scale, mode="bilinear", align_corners=False)
        return conv.to_map(conv(self.conv_last, features)) + base
