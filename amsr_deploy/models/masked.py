"""Masked networks: one description of a network, three ways to run it (docs/architecture.md).

A network is written once against `conv(layer, x)`. Only the convolutions need to know which form is running: maps
[N, C, H, W] where all pixels are computed, in the compact form pixels [P, C] outside the body and rows [Q, C] inside.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from amsr_deploy.models import operators
from amsr_deploy.models.activation import After, finish
from amsr_deploy.models.backbone import Backbone

if TYPE_CHECKING:
    from typing_extensions import Unpack

Layer = nn.Conv2d | nn.ConvTranspose2d


class Conv(Protocol):
    """Runs a convolution, and what belongs to it, in one of the forms."""

    def __call__(self, layer: Layer, *inputs: Tensor, **after: Unpack[After]) -> Tensor:
        """Convolve the concatenated inputs, and apply an activation and a residual.

        Args:
            layer: the convolution; one of size 1 where there are several inputs.
            inputs: features that all have the same number of channels.
            after: as `activation.finish` takes it; a residual not together with several inputs.
        """


class PictureConv(Conv, Protocol):
    """Runs the convolutions of head and tail, which work on the whole picture."""

    def upscaled(
        self, layer: Layer, x: Tensor, upscale: int, activation: nn.Module | None = None, base: Tensor | None = None
    ) -> Tensor:
        """Convolve, and shuffle the results to a larger picture.

        Args:
            layer: the convolution, or a transposed one of stride `upscale`, which is the same.
            x: features.
            upscale: factor of the enlargement.
            activation: as `activation.finish` takes it, without a residual.
            base: features as many as the result has, at the size of x; their nearest-neighbour enlargement is added.
        """

    def from_map(self, features: Tensor) -> Tensor:
        """Bring a map [N, C, H, W] into this form."""

    def to_map(self, features: Tensor) -> Tensor:
        """Return from this form to a map, at the size that upscaling convolutions have led to."""


class DenseConv:
    """Every pixel of a map [N, C, H, W]."""

    def __call__(self, layer: Layer, *inputs: Tensor, **after: Unpack[After]) -> Tensor:
        return finish(layer(inputs[0] if len(inputs) == 1 else torch.cat(inputs, dim=1)), **after)

    def upscaled(
        self, layer: Layer, x: Tensor, upscale: int, activation: nn.Module | None = None, base: Tensor | None = None
    ) -> Tensor:
        if isinstance(layer, nn.ConvTranspose2d):
            assert base is None
            return finish(self.transposed(layer, x), activation)
        enlarged = None if base is None else base.repeat_interleave(upscale**2, dim=1)
        return F.pixel_shuffle(finish(layer(x), activation, enlarged), upscale)

    def transposed(self, layer: nn.ConvTranspose2d, x: Tensor) -> Tensor:
        """Run a transposed convolution."""
        result: Tensor = layer(x)
        return result

    def from_map(self, features: Tensor) -> Tensor:
        return features

    def to_map(self, features: Tensor) -> Tensor:
        return features


class BlendedConv(DenseConv):
    """Training form of a body (Eq. 4): all pixels are computed, and unmasked ones are put back to the body's input."""

    def __init__(self, mask: Tensor, surround: Tensor) -> None:
        self.mask = mask
        self.surround = surround

    def blend(self, x: Tensor) -> Tensor:
        """Show the surround at the unmasked pixels of the map x [N, C, H, W]."""
        return torch.where(self.mask, x, self.surround)

    def __call__(self, layer: Layer, *inputs: Tensor, **after: Unpack[After]) -> Tensor:
        blended = inputs if layer.kernel_size == (1, 1) else tuple(self.blend(x) for x in inputs)
        return super().__call__(layer, *blended, **after)


class SubpixelConv(DenseConv):
    """Training form outside the body: a transposed convolution is one before a pixel shuffle, which takes less time."""

    def transposed(self, layer: nn.ConvTranspose2d, x: Tensor) -> Tensor:
        weight, bias = subpixel_weights(layer)
        return F.pixel_shuffle(F.conv2d(x, weight, bias, padding=weight.shape[-1] // 2), layer.stride[0])


class CompactConv:
    """Inference form of a body: rows [Q, C] of the masked pixels only (docs/architecture.md)."""

    def __init__(self, surround: Tensor, neighbors: Tensor) -> None:
        self.surround = surround
        self.neighbors = neighbors

    def __call__(self, layer: Layer, *inputs: Tensor, **after: Unpack[After]) -> Tensor:
        if layer.kernel_size == (1, 1):
            return pointwise(layer, inputs, **after)
        assert layer.bias is not None
        (x,) = inputs
        tensors = (x, self.surround, self.neighbors, layer.weight, layer.bias)
        return operators.masked_conv2d(*tensors, layer.groups, **after)


class PixelConv:
    """Inference form outside the body: all pixels [P, C] of a picture, row by row.

    Each layer computes in the precision of its weights; maps are float32. The picture's size grows with each upscaling
    convolution, so one object goes through a network from its head to its tail.
    """

    def __init__(self, image: Tensor) -> None:
        self.height, self.width = image.shape[2:]
        self.size = operators.size_of(image)

    def __call__(self, layer: Layer, *inputs: Tensor, **after: Unpack[After]) -> Tensor:
        if layer.kernel_size == (1, 1):
            return pointwise(layer, inputs, **after)
        assert layer.bias is not None
        (x,) = inputs
        tensors = (x.to(layer.weight.dtype), self.size, layer.weight, layer.bias)
        return operators.pixel_conv2d(*tensors, layer.groups, **after)

    def upscaled(
        self, layer: Layer, x: Tensor, upscale: int, activation: nn.Module | None = None, base: Tensor | None = None
    ) -> Tensor:
        assert layer.bias is not None
        weight, bias = layer.weight, layer.bias
        if isinstance(layer, nn.ConvTranspose2d):
            weight, bias = subpixel_weights(layer)
        tensors = (x.to(weight.dtype), self.size, weight, bias)
        self.size = self.size * upscale
        self.height, self.width = self.height * upscale, self.width * upscale
        if base is None:
            return operators.pixel_conv2d(*tensors, layer.groups, activation, upscale)
        return operators.pixel_conv2d_add_nearest(*tensors, upscale, base.to(weight.dtype), layer.groups, activation)

    def from_map(self, features: Tensor) -> Tensor:
        return pixels_from_map(features)

    def to_map(self, features: Tensor) -> Tensor:
        picture = features.float().reshape(1, self.height, self.width, -1)
        return picture.permute(0, 3, 1, 2)  # the last step writes the network's output


def pointwise(layer: Layer, inputs: tuple[Tensor, ...], **after: Unpack[After]) -> Tensor:
    """Convolve rows or pixels by 1x1; see `Conv`."""
    assert layer.bias is not None
    return operators.pointwise(inputs, layer.weight.flatten(1), layer.bias, **after)


def subpixel_weights(layer: nn.ConvTranspose2d) -> tuple[Tensor, Tensor]:
    """Rewrite a transposed convolution as a convolution before a pixel shuffle by its stride.

    An output pixel stride * y + phase takes tap phase + padding - stride * d from the input pixel y + d.

    Args:
        layer: square and ungrouped; its output is the stride times as large as its input.

    Returns:
        weight [Co * stride ** 2, Ci, k, k], k odd, and bias [Co * stride ** 2].
    """
    assert layer.bias is not None
    taps, stride, padding = layer.kernel_size[0], layer.stride[0], int(layer.padding[0])
    radius = max((taps - 1 - padding) // stride, (stride - 1 + padding) // stride)
    device = layer.weight.device
    phase, d = torch.arange(stride, device=device)[:, None], torch.arange(-radius, radius + 1, device=device)
    chosen = phase + padding - stride * d  # [phase, d]
    inside = (chosen >= 0) & (chosen < taps)
    chosen = chosen.clamp(0, taps - 1)
    weight = layer.weight[:, :, chosen][..., chosen]  # [Ci, Co, phase, d, phase, d]
    weight = torch.where(inside[:, :, None, None] & inside, weight, 0)
    weight = weight.permute(1, 2, 4, 0, 3, 5).flatten(0, 2)
    return weight, layer.bias.repeat_interleave(stride**2)


class Conv3x3(nn.Module):
    """Holds a 3x3 convolution under the name that DISP's and SPAN's public weights have for it."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.eval_conv = nn.Conv2d(inputs, outputs, 3, padding=1)


def convolutions(layers: nn.Sequential) -> list[nn.Conv2d]:
    """List the convolutions directly among some layers."""
    return [layer for layer in layers if isinstance(layer, nn.Conv2d)]


def pixels_from_map(features: Tensor) -> Tensor:
    """Rearrange [1, C, H, W] -> [H * W, C]."""
    return features.flatten(2).squeeze(0).transpose(0, 1)


class MaskedCNN(Backbone):
    """A super-resolution CNN head -> body -> tail whose body can be masked by pixels."""

    def head(self, image: Tensor, conv: PictureConv) -> Tensor:
        """Turn the image [N, 3, H, W] in [0, 1] into the body's input, C channels, as the form holds it."""
        raise NotImplementedError

    def body(self, x: Tensor, conv: Conv) -> Tensor:
        """Run the part that the mask thins out, on maps or rows of C channels."""
        raise NotImplementedError

    def tail(self, features: Tensor, image: Tensor, conv: PictureConv) -> Tensor:
        """Turn the body's output, C channels, as the form holds it, and the image into [N, 3, sH, sW]."""
        raise NotImplementedError

    def forward(self, image: Tensor, mask: Tensor | None = None) -> Tensor:
        """Upscale with all pixels computed: dense, or blended with a mask as in training.

        Args:
            image: [N, 3, H, W] in [0, 1].
            mask: [N, 1, H, W] bool, or None for the dense network.

        Returns:
            [N, 3, sH, sW], not clamped.
        """
        if mask is None:
            return self.forward_dense(image)
        picture = SubpixelConv()
        features = self.head(image, picture)
        blended = BlendedConv(mask, features)
        return self.tail(blended.blend(self.body(features, blended)), image, picture)

    def forward_dense(self, image: Tensor) -> Tensor:
        """Upscale [N, 3, H, W] with the dense network -> [N, 3, sH, sW]."""
        dense = DenseConv()
        return self.tail(self.body(self.head(image, dense), dense), image, dense)

    def forward_compact(self, image: Tensor, index: Tensor) -> Tensor:
        """Upscale with the body run on the masked pixels only.

        Args:
            image: [1, 3, H, W] float32 in [0, 1], whatever the precision of the weights.
            index: [Q] int64, row-major positions of the masked pixels.

        Returns:
            [1, 3, sH, sW] float32, equal to `forward` with the mask of these pixels.
        """
        picture = PixelConv(image)
        neighbors = operators.mask_neighbors(index, picture.size)
        surround = self.head(image, picture)
        rows = self.body(operators.mask_gather(surround, index), CompactConv(surround, neighbors))
        return self.tail(operators.mask_scatter(rows, surround, index), image, picture)
