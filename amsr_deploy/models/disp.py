"""DISP (NTIRE 2026 challenge on efficient super-resolution, arXiv 2604.03198): plain 3x3 convolutions and SiLU, RGB.

Weights are named as in the challenge's public code.
"""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from amsr_deploy.models.activation import SILU
from amsr_deploy.models.backbone import Weights, count_blocks, shuffled_scale
from amsr_deploy.models.masked import Conv, Conv3x3, MaskedCNN, PictureConv, convolutions


class Block(nn.Module):
    """Four convolutions, each with SiLU, around a shortcut."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.c1_r, self.c2_r, self.c3_r = (Conv3x3(channels, channels) for _ in range(3))
        self._extern_conv_block = nn.ModuleList([Conv3x3(channels, channels)])

    def forward(self, x: Tensor, conv: Conv) -> Tensor:
        features = x
        for layer in (self.c1_r, self.c2_r, *self._extern_conv_block):
            assert isinstance(layer, Conv3x3)
            features = conv(layer.eval_conv, features, activation=SILU)
        return conv(self.c3_r.eval_conv, features, activation=SILU, residual=x)


class DISP(MaskedCNN):
    """DISP; the masked body is the blocks and the 1x1 convolution that adds their result to the head's.

    Our networks add their output to the nearest-neighbour enlargement of the image, which public ones do not. The
    weight `nearest`, always 1, distinguishes them in a checkpoint.
    """

    SIGNATURE: ClassVar[tuple[str, ...]] = ("conv_1.eval_conv.weight", "blocks.0.c1_r.eval_conv.weight")
    UPSAMPLER: ClassVar[tuple[str, ...]] = ("upsampler.",)

    nearest: Tensor | None

    def __init__(self, scale: int = 4, channels: int = 32, blocks: int = 4, nearest: bool = True) -> None:
        super().__init__()
        self.scale = scale
        self.conv_1 = Conv3x3(3, channels)
        self.blocks = nn.Sequential(*(Block(channels) for _ in range(blocks)))
        self.conv_2 = nn.Conv2d(channels, channels, 1)
        self.upsampler = nn.Sequential(nn.Conv2d(channels, 3 * scale**2, 3, padding=1), nn.PixelShuffle(scale))
        self.register_buffer("nearest", torch.ones(1) if nearest else None)
        if nearest:
            self._start_near_zero()

    @torch.no_grad()
    def _start_near_zero(self) -> None:
        """Start as the nearest-neighbour enlargement."""
        for weight in self.upsampler.parameters():
            weight.mul_(0.1)

    @classmethod
    def arguments(cls, weights: Weights) -> dict[str, Any]:
        return {
            "scale": shuffled_scale(weights["upsampler.0.weight"]),
            "channels": len(weights["conv_1.eval_conv.weight"]),
            "blocks": count_blocks(weights, "blocks.{}.c1_r.eval_conv.weight"),
            "nearest": "nearest" in weights,
        }

    @property
    def halo(self) -> int:
        return 4 * len(self.blocks) + 2

    @property
    def bytes_per_pixel(self) -> int:
        return 24 * len(self.conv_2.weight) + 36 * self.scale**2

    @property
    def values_per_pixel(self) -> int:
        return max(len(self.conv_2.weight), 3 * self.scale**2)

    @property
    def picture_layer(self) -> nn.Conv2d:
        (upsample,) = convolutions(self.upsampler)
        return upsample

    def masked_modules(self) -> list[nn.Module]:
        return [self.blocks, self.conv_2]

    def head(self, image: Tensor, conv: PictureConv) -> Tensor:
        return conv(self.conv_1.eval_conv, conv.from_map(image))

    def body(self, x: Tensor, conv: Conv) -> Tensor:
        features = x
        for block in self.blocks:
            features = block(features, conv)
        return conv(self.conv_2, features, residual=x)

    def tail(self, features: Tensor, image: Tensor, conv: PictureConv) -> Tensor:
        base = None if self.nearest is None else conv.from_map(image)
        return conv.to_map(conv.upscaled(self.picture_layer, features, self.scale, base=base))
