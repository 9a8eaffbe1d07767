"""Checks that the operators can compute a network, before anybody waits for its training.

Any layer can be trained; models compute those only that CONTRIBUTING.md lists.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from amsr_deploy.errors import ModelError
from amsr_deploy.models.activation import NAMED, Attention, is_leaky
from amsr_deploy.models.masked import DenseConv, Layer, MaskedCNN

LEAKY = "no activation, ReLU, LeakyReLU or PReLU with one slope"
MERGED = 4
"""Inputs that a 1x1 convolution may have."""
SIDE = 8
"""Of the picture that a network is tried on."""

Needs = dict[str, bool]
"""What the operators need of a convolution, and whether it is so."""


def check_layers(network: MaskedCNN) -> None:
    """Run a network on a small picture, and check its convolutions on the way.

    Raises:
        ModelError: there is one that the operators cannot compute.
    """
    image = next(network.parameters()).new_zeros(1, 3, SIDE, SIDE)
    picture = CheckedConv()
    with torch.no_grad():
        features = network.head(image, picture)
        channels = features.shape[1]
        result = network.body(features, CheckedBodyConv(channels))
        if result.shape[1] != channels:
            raise ModelError(
                f"a masked body makes {result.shape[1]} channels of {channels}; it must give as many as it takes"
            )
        network.tail(result, image, picture)


class CheckedConv(DenseConv):
    """Head and tail, every pixel of a map; what the operators cannot compute is a ModelError."""

    place = "head and tail"

    def __call__(
        self, layer: Layer, *inputs: Tensor, activation: nn.Module | None = None, residual: Tensor | None = None
    ) -> Tensor:
        if layer.kernel_size == (1, 1):
            needs = pointwise_needs(layer, inputs, activation, residual)
        else:
            needs = {"one input": len(inputs) == 1} | self.kernel_needs(layer, activation, residual)
        self.check(layer, activation, plain_needs(layer) | needs)
        result = super().__call__(layer, *inputs, activation=activation, residual=residual)
        self.check(
            layer, activation, {"a residual of its result's shape": residual is None or residual.shape == result.shape}
        )
        return result

    def upscaled(
        self, layer: Layer, x: Tensor, upscale: int, activation: nn.Module | None = None, base: Tensor | None = None
    ) -> Tensor:
        needs = transposed_needs(layer, upscale, base) if isinstance(layer, nn.ConvTranspose2d) else plain_needs(layer)
        self.check(layer, activation, needs | {LEAKY: is_leaky(activation)})
        return super().upscaled(layer, x, upscale, activation, base)

    def kernel_needs(self, layer: Layer, activation: nn.Module | None, residual: Tensor | None) -> Needs:
        """List what a convolution of more than a pixel needs."""
        return {LEAKY: is_leaky(activation)}

    def check(self, layer: Layer, activation: nn.Module | None, needs: Needs) -> None:
        """Raise ModelError for a convolution that lacks something."""
        if missing := [need for need, is_met in needs.items() if not is_met]:
            what = f"{layer} with {activation}" if activation else f"{layer}"
            raise ModelError(f"{what}: in {self.place} it needs {' and '.join(missing)} (CONTRIBUTING.md)")


class CheckedBodyConv(CheckedConv):
    """The same for a masked body, of whose input the number of channels is known."""

    place = "a masked body"

    def __init__(self, channels: int) -> None:
        self.channels = channels

    def kernel_needs(self, layer: Layer, activation: nn.Module | None, residual: Tensor | None) -> Needs:
        named = type(activation) in NAMED and not (isinstance(activation, Attention) and residual is None)
        return {
            "a kernel of 3x3 or 1x1": layer.kernel_size == (3, 3),
            f"{self.channels} inputs, as many as the body": layer.in_channels == self.channels,
            f"{LEAKY}, {', '.join(kind.__name__ for kind in NAMED)} (with a residual)": named or is_leaky(activation),
        }


def plain_needs(layer: Layer) -> Needs:
    """List what every convolution needs that is not transposed."""
    height, width = layer.kernel_size
    return {
        "to be a Conv2d": isinstance(layer, nn.Conv2d),
        "a bias": layer.bias is not None,
        "a square kernel of odd size": height == width and height % 2 == 1,
        "stride 1": layer.stride == (1, 1),
        "dilation 1": layer.dilation == (1, 1),
        "zeros around the picture, by half of the kernel": (
            layer.padding_mode == "zeros" and layer.padding in ("same", (height // 2, width // 2))
        ),
    }


def pointwise_needs(
    layer: Layer, inputs: tuple[Tensor, ...], activation: nn.Module | None, residual: Tensor | None
) -> Needs:
    """List what a 1x1 convolution needs besides."""
    return {
        "one group": layer.groups == 1,
        f"up to {MERGED} inputs with equal channels": (
            len(inputs) <= MERGED and len({x.shape[1] for x in inputs}) == 1
        ),
        "one input where there is a residual": residual is None or len(inputs) == 1,
        LEAKY: is_leaky(activation),
    }


def transposed_needs(layer: nn.ConvTranspose2d, upscale: int, base: Tensor | None) -> Needs:
    """List what a transposed convolution needs, which upscales."""
    (height, width), (top, left), (below, right) = layer.kernel_size, map(int, layer.padding), layer.output_padding
    return {
        "a bias": layer.bias is not None,
        "a square kernel": height == width and top == left,
        "one group": layer.groups == 1,
        "dilation 1": layer.dilation == (1, 1),
        f"stride {upscale}": layer.stride == (upscale, upscale),
        f"a result {upscale} times as large": (height - 2 * top + below, width - 2 * left + right) == (upscale,) * 2,
        "no base": base is None,
    }
