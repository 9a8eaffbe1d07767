"""SPAN (Wan et al., "Swift Parameter-free Attention Network for Efficient Super-Resolution", 2024), RGB.

Weights are named as in hongyuanyu/SPAN; the branches that its convolutions have while they are trained (Conv3XC) are
collapsed to one 3x3 convolution when a checkpoint is read, and so is what is trained here.
"""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from amsr_deploy.models.activation import ATTENTION, SILU
from amsr_deploy.models.backbone import Weights, count_blocks, mean_colour, shuffled_scale
from amsr_deploy.models.masked import Conv, Conv3x3, MaskedCNN, PictureConv, convolutions

LARGEST = 255.0
"""Value of white inside the network."""


class SPAB(nn.Module):
    """Three convolutions, and the parameter-free attention of their result and the block's input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.c1_r, self.c2_r, self.c3_r = (Conv3x3(channels, channels) for _ in range(3))

    def forward(self, x: Tensor, conv: Conv) -> tuple[Tensor, Tensor]:
        """Return the block's result, and that of its first convolution."""
        first = conv(self.c1_r.eval_conv, x, activation=SILU)
        second = conv(self.c2_r.eval_conv, first, activation=SILU)
        return conv(self.c3_r.eval_conv, second, activation=ATTENTION, residual=x), first


class SPAN(MaskedCNN):
    """SPAN; the masked body is all between the first convolution and the upsampler.

    A weight `no_norm` in a checkpoint says that the network takes colours as they are, in [0, 1].
    """

    SIGNATURE: ClassVar[tuple[str, ...]] = ("conv_1.eval_conv.weight", "block_1.c1_r.eval_conv.weight")
    UPSAMPLER: ClassVar[tuple[str, ...]] = ("upsampler.",)

    no_norm: Tensor | None

    def __init__(self, scale: int = 4, channels: int = 48, blocks: int = 6, norm: bool = True) -> None:
        super().__init__()
        self.scale, self.block_count = scale, blocks
        self.conv_1 = Conv3x3(3, channels)
        for number in range(1, blocks + 1):
            self.add_module(f"block_{number}", SPAB(channels))
        self.conv_2 = Conv3x3(channels, channels)
        self.conv_cat = nn.Conv2d(4 * channels, channels, 1)
        self.upsampler = nn.Sequential(nn.Conv2d(channels, 3 * scale**2, 3, padding=1), nn.PixelShuffle(scale))
        self.register_buffer("no_norm", None if norm else torch.zeros(1))
        with torch.no_grad():  # outputs start as small as they shall become, whatever the values inside
            self.upsampler[0].weight.div_(LARGEST)  # type: ignore[operator]

    @classmethod
    def arguments(cls, weights: Weights) -> dict[str, Any]:
        return {
            "scale": shuffled_scale(weights["upsampler.0.weight"]),
            "channels": len(weights["conv_1.eval_conv.weight"]),
            "blocks": count_blocks(weights, "block_{}.c1_r.eval_conv.weight", first=1),
            "norm": "no_norm" not in weights,
        }

    @classmethod
    def own_name(cls, name: str) -> str:
        return name.replace(".sk.", ".eval_conv.")

    @classmethod
    def adapt(cls, weights: Weights, scale: int | None) -> dict[str, Tensor]:  # noqa: ARG003
        return collapse(weights)

    @property
    def halo(self) -> int:
        return 3 * self.block_count + 3

    @property
    def bytes_per_pixel(self) -> int:
        return 32 * len(self.conv_cat.weight) + 36 * self.scale**2

    def blocks(self) -> list[SPAB]:
        """List the blocks in their order."""
        return [module for module in self.children() if isinstance(module, SPAB)]

    @property
    def values_per_pixel(self) -> int:
        return max(self.conv_cat.in_channels, 3 * self.scale**2)

    @property
    def picture_layer(self) -> nn.Conv2d:
        (upsample,) = convolutions(self.upsampler)
        return upsample

    def masked_modules(self) -> list[nn.Module]:
        return [*self.blocks(), self.conv_2, self.conv_cat]

    def head(self, image: Tensor, conv: PictureConv) -> Tensor:
        if self.no_norm is None:
            image = (image - mean_colour(image)) * LARGEST
        return conv(self.conv_1.eval_conv, conv.from_map(image))

    def body(self, x: Tensor, conv: Conv) -> Tensor:
        features, outputs = x, []
        for block in self.blocks():
            features, first = block(features, conv)
            outputs.append(features)
        last = conv(self.conv_2.eval_conv, features)
        return conv(self.conv_cat, x, last, outputs[0], first)

    def tail(self, features: Tensor, image: Tensor, conv: PictureConv) -> Tensor:
        return conv.to_map(conv.upscaled(self.picture_layer, features, self.scale))


def collapse(weights: Weights) -> dict[str, Tensor]:
    """Collapse each Conv3XC (1x1, 3x3 and 1x1 in a row beside a 1x1 shortcut) into one 3x3 convolution.

    The picture is padded with zeros before all of them, so that the two are equal at its border too.
    """
    collapsed = {name: value for name, value in weights.items() if ".sk." not in name and ".conv." not in name}
    for name in weights:
        prefix, found, _ = name.partition(".sk.weight")
        if not found:
            continue
        first, second, third = (weights[f"{prefix}.conv.{i}.weight"].flatten(2).squeeze(2) for i in range(3))
        b1, b2, b3 = (weights[f"{prefix}.conv.{i}.bias"] for i in range(3))
        shortcut = F.pad(weights[name], (1, 1, 1, 1))
        kernel = torch.einsum("om,mnt,ni->oit", third, second, first).reshape(shortcut.shape)
        collapsed[f"{prefix}.eval_conv.weight"] = kernel + shortcut
        bias = third @ (second.sum(2) @ b1 + b2) + b3
        collapsed[f"{prefix}.eval_conv.bias"] = bias + weights[f"{prefix}.sk.bias"]
    return collapsed
