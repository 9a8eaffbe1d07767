"""Masked bodies: one description of a network, three ways to run it (design section 2.2).

A body is written once against `conv(layer, x)`. Addition, ReLU and concatenation along dimension 1 mean the same on
maps [N, C, H, W] and on rows [Q, C], so only the convolutions need to know which form is running.
"""

from __future__ import annotations

from typing import ClassVar, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from amsr_deploy.models import operators


class Conv(Protocol):
    """Runs a convolution of the body, and the ReLU after it, in one of the three forms."""

    def __call__(self, layer: nn.Conv2d, x: Tensor, relu: bool = False) -> Tensor: ...


def dense_conv(layer: nn.Conv2d, x: Tensor, relu: bool = False) -> Tensor:
    """Every pixel of a map [N, C, H, W]."""
    return F.relu(layer(x)) if relu else layer(x)


def convolutions(layers: nn.Sequential) -> list[nn.Conv2d]:
    """The convolutions directly among some layers."""
    return [layer for layer in layers if isinstance(layer, nn.Conv2d)]


class BlendedConv:
    """Training form (Eq. 4): all pixels are computed, and unmasked ones are put back to the body's input."""

    def __init__(self, mask: Tensor, surround: Tensor) -> None:
        self.mask = mask
        self.surround = surround

    def blend(self, x: Tensor) -> Tensor:
        """The map x [N, C, H, W] with the surround at unmasked pixels."""
        return torch.where(self.mask, x, self.surround)

    def __call__(self, layer: nn.Conv2d, x: Tensor, relu: bool = False) -> Tensor:
        return dense_conv(layer, x if layer.kernel_size == (1, 1) else self.blend(x), relu)


class CompactConv:
    """Inference form: rows [Q, C] of the masked pixels only (design section 3)."""

    def __init__(self, surround: Tensor, neighbors: Tensor) -> None:
        self.surround = surround
        self.neighbors = neighbors

    def __call__(self, layer: nn.Conv2d, x: Tensor, relu: bool = False) -> Tensor:
        assert layer.bias is not None
        if layer.kernel_size == (1, 1):
            product = F.linear(x, layer.weight.flatten(1), layer.bias)
            return F.relu(product) if relu else product
        weights = (layer.weight, layer.bias, layer.groups)
        return operators.masked_conv2d(x, self.surround, self.neighbors, *weights, negative_slope=0.0 if relu else 1.0)


def pixels_from_map(features: Tensor) -> Tensor:
    """[1, C, H, W] -> [H * W, C]."""
    return features.flatten(2).squeeze(0).transpose(0, 1)


def map_from_pixels(pixels: Tensor, height: int, width: int) -> Tensor:
    """[H * W, C] -> [1, C, H, W]."""
    return pixels.transpose(0, 1).reshape(1, -1, height, width)


def reflect(positions: Tensor, length: int) -> Tensor:
    """Positions outside [0, length) reflected into it, as often as it takes, as NumPy pads in its mode `reflect`."""
    if length == 1:
        return torch.zeros_like(positions)
    period = 2 * (length - 1)
    positions = positions.abs() % period
    return torch.minimum(positions, period - positions)


class MaskedCNN(nn.Module):
    """A super-resolution CNN head -> body -> tail whose body can be masked by pixels."""

    RENAMED: ClassVar[dict[str, str]] = {}
    """Prefixes of weight names: those of other public implementations -> ours."""
    UNUSED: ClassVar[tuple[str, ...]] = ()
    """Patterns of weights that public checkpoints hold for other scales."""

    def masked_modules(self) -> list[nn.Module]:
        """What the mask thins out."""
        raise NotImplementedError

    def head(self, image: Tensor) -> Tensor:
        """Image [N, 3, H, W] in [0, 1] -> the body's input [N, C, H, W]."""
        raise NotImplementedError

    def body(self, x: Tensor, conv: Conv) -> Tensor:
        """The part that the mask thins out, on maps or rows of C channels."""
        raise NotImplementedError

    def tail(self, features: Tensor, image: Tensor) -> Tensor:
        """The body's output [N, C, H, W] and the image -> [N, 3, 4H, 4W]."""
        raise NotImplementedError

    def forward(self, image: Tensor, mask: Tensor | None = None) -> Tensor:
        """Upscale with all pixels computed: dense, or blended with a mask as in training.

        Args:
            image: [N, 3, H, W] in [0, 1].
            mask: [N, 1, H, W] bool, or None for the dense network.

        Returns:
            [N, 3, 4H, 4W], not clamped.
        """
        if mask is None:
            return self.forward_dense(image)
        features = self.head(image)
        conv = BlendedConv(mask, features)
        return self.tail(conv.blend(self.body(features, conv)), image)

    def forward_dense(self, image: Tensor) -> Tensor:
        """Upscale [N, 3, H, W] with the dense network -> [N, 3, 4H, 4W]."""
        return self.tail(self.body(self.head(image), dense_conv), image)

    def forward_compact(self, image: Tensor, index: Tensor) -> Tensor:
        """Upscale with the body run on the masked pixels only.

        Args:
            image: [1, 3, H, W] in [0, 1].
            index: [Q] int64, row-major positions of the masked pixels.

        Returns:
            [1, 3, 4H, 4W], equal to `forward` with the mask of these pixels.
        """
        features = self.head(image)
        surround = pixels_from_map(features)
        neighbors = operators.mask_neighbors(index, operators.size_of(features))
        rows = self.body(operators.mask_gather(surround, index), CompactConv(surround, neighbors))
        pixels = operators.mask_scatter(rows, surround, index)
        return self.tail(map_from_pixels(pixels, *features.shape[2:]), image)
