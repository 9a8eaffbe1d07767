"""The activations of the CNNs, all of them leaky ReLUs: what native operators know of one is its slope."""

from __future__ import annotations

from torch import nn

NONE = nn.Identity()
RELU = nn.ReLU()


def negative_slope(activation: nn.Module) -> float:
    """Slope of an activation for negative values: 1 for none, 0 for ReLU.

    Args:
        activation: Identity, ReLU, LeakyReLU, or PReLU with one slope.
    """
    if isinstance(activation, nn.PReLU):
        return activation.weight.item()
    if isinstance(activation, nn.LeakyReLU):
        return activation.negative_slope
    return {nn.Identity: 1.0, nn.ReLU: 0.0}[type(activation)]
