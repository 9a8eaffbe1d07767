"""What follows the sums of a convolution: an activation, and a residual before or after it.

In ONNX the activation is a part of the operator's name, because a function cannot choose by an attribute; the slope of
a leaky ReLU is a number, which it can pass on.
"""

from __future__ import annotations

from typing import TypedDict

import torch
from torch import Tensor, nn

RELU = nn.ReLU()
SILU = nn.SiLU()


class Attention(nn.Module):
    """The parameter-free attention of SPAN (Wan et al., 2024, Eq. 3 and 4): (sums + residual) (sigmoid(sums) - 1/2)."""

    def forward(self, sums: Tensor, residual: Tensor) -> Tensor:
        return (sums + residual) * (torch.sigmoid(sums) - 0.5)


ATTENTION = Attention()

NAMED: dict[type[nn.Module], str] = {nn.SiLU: "Silu", Attention: "Attention"}
"""Activations that only a masked 3x3 convolution has -> what they add to its operator's name."""


def is_leaky(activation: nn.Module | None) -> bool:
    """Tell whether an activation is a leaky ReLU of one slope, which all operators of convolutions take, or none."""
    return isinstance(activation, nn.ReLU | nn.LeakyReLU | None) or (
        isinstance(activation, nn.PReLU) and activation.num_parameters == 1
    )


class After(TypedDict, total=False):
    """What follows the sums of a convolution, as `finish` takes it."""

    activation: nn.Module | None
    residual: Tensor | None


def finish(sums: Tensor, activation: nn.Module | None = None, residual: Tensor | None = None) -> Tensor:
    """Apply the activation to the sums of a convolution, and add the residual.

    Args:
        sums: what a convolution gives, of any shape.
        activation: None, ReLU, LeakyReLU or PReLU with one slope: of the sums with the residual; one of NAMED: before
            the residual is added, but Attention, which is of both.
        residual: shaped as the sums; None for none, which Attention does not take.
    """
    if isinstance(activation, Attention):
        assert residual is not None
        return activation(sums, residual)
    if activation is not None and type(activation) in NAMED:
        activated: Tensor = activation(sums)
        return activated if residual is None else activated + residual
    with_residual = sums if residual is None else sums + residual
    return with_residual if activation is None else activation(with_residual)


def suffix(activation: nn.Module | None, has_residual: bool) -> str:
    """Return the end of the name of an operator with this activation (plugins/kernels/epilogue.h)."""
    adds = has_residual and not isinstance(activation, Attention)
    name = "" if activation is None else NAMED.get(type(activation), "")
    return name + ("Add" if adds else "")


def attributes(activation: nn.Module | None) -> dict[str, float]:
    """Return what an operator has to know of its activation besides its name: the slope of a leaky ReLU.

    Args:
        activation: as `finish` takes it.
    """
    if type(activation) in NAMED:
        return {}
    if isinstance(activation, nn.PReLU):
        return {"negative_slope": activation.weight.item()}
    if isinstance(activation, nn.LeakyReLU):
        return {"negative_slope": activation.negative_slope}
    return {"negative_slope": {type(None): 1.0, nn.ReLU: 0.0}[type(activation)]}
