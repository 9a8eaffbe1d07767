"""First weights of networks without a shortcut from the image: they start as a bilinear upsampling.

Drawn at random, such a network would first have to learn to upsample, and its body's input and output would be unlike
each other, which a mask mixes. So the first three channels carry the colours through the network, the others add to it.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

COLOURS = 3


@torch.no_grad()
def carry_colours(layer: nn.Conv2d, bias: Tensor | float = 0.0) -> None:
    """Let the first three outputs of a convolution be its first three inputs, plus a bias [3]."""
    assert layer.bias is not None
    centre = layer.kernel_size[0] // 2
    layer.weight[:COLOURS] = 0
    layer.weight[:COLOURS, :COLOURS, centre, centre] = torch.eye(COLOURS)
    layer.bias[:COLOURS] = bias


@torch.no_grad()
def upsample_colours(layer: nn.Conv2d, scale: int) -> None:
    """Let a convolution before a pixel shuffle put out its first three inputs, upsampled bilinearly.

    Args:
        layer: 3x3 convolution that puts out scale^2 values for each channel after the shuffle.
        scale: the factor of the shuffle.
    """
    assert layer.bias is not None
    weights = torch.stack([torch.outer(y, x) for y in bilinear_taps(scale) for x in bilinear_taps(scale)])
    layer.weight[: COLOURS * scale**2] = 0
    for colour in range(COLOURS):
        layer.weight[colour * scale**2 : (colour + 1) * scale**2, colour] = weights
    layer.bias[: COLOURS * scale**2] = 0


def bilinear_taps(scale: int) -> Tensor:
    """Compute what each of the pixels that one LR pixel becomes takes from the LR pixels at -1, 0 and 1: [scale, 3]."""
    places = (torch.arange(scale) + 0.5) / scale - 0.5
    return (1 - (places[:, None] - torch.arange(-1, 2)).abs()).clamp(min=0)
