"""SRResNet without batch normalisation (Ledig et al., 2017; the MSRResNet of ESRGAN's authors), RGB, x4.

Weights are named as in BasicSR's MSRResNet, but for `blocks`; those of ClassSR are renamed too.
"""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn
from torch.nn import functional as F

from amsr_deploy.models.activation import RELU
from amsr_deploy.models.masked import Conv, MaskedCNN, PictureConv

CHANNELS = 64
LEAKY_RELU = nn.LeakyReLU(0.1)
"""The activation outside the body."""


def conv3x3(outputs: int = CHANNELS, inputs: int = CHANNELS) -> nn.Conv2d:
    """A 3x3 convolution that keeps the size."""
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
    """16 residual blocks of 64 channels, two pixel-shuffle stages; the masked body is the residual blocks."""

    RENAMED: ClassVar[dict[str, str]] = {"recon_trunk.": "blocks.", "body.": "blocks.", "HRconv.": "conv_hr."}

    def __init__(self, blocks: int = 16) -> None:
        super().__init__()
        self.conv_first = conv3x3(inputs=3)
        self.blocks = nn.ModuleList(ResidualBlock() for _ in range(blocks))
        self.upconv1, self.upconv2 = conv3x3(4 * CHANNELS), conv3x3(4 * CHANNELS)
        self.conv_hr, self.conv_last = conv3x3(), conv3x3(outputs=3)

    def masked_modules(self) -> list[nn.Module]:
        return list(self.blocks)

    def head(self, image: Tensor, conv: PictureConv) -> Tensor:
        return conv(self.conv_first, conv.from_map(image), activation=LEAKY_RELU)

    def body(self, x: Tensor, conv: Conv) -> Tensor:
        for block in self.blocks:
            x = block(x, conv)
        return x

    def tail(self, features: Tensor, image: Tensor, conv: PictureConv) -> Tensor:
        for upconv in (self.upconv1, self.upconv2):
            features = conv(upconv, features, activation=LEAKY_RELU, upscale=2)
        features = conv(self.conv_hr, features, activation=LEAKY_RELU)
        base = F.interpolate(image, scale_factor=4, mode="bilinear", align_corners=False)
        return conv.to_map(conv(self.conv_last, features)) + base
