"""The activations of the CNNs, all of them leaky ReLUs: what native operators know of one is its slope."""

from __future__ import annotations

from torch import nn

RELU = nn.ReLU()


def negative_slope(activation: nn.Module | None) -> float:
    """Slope of an activation for negative values: 1 for none, 0 for ReLU.

    Args:
        activation: None, ReLU, LeakyReLU, or PReLU with one slope.
    """
    if isinstance(activation, nn.PReLU):
        return activation.weight.item()
    if isinstance(activation, nn.LeakyReLU):
        return activation.negative_slope
    return {type(None): 1.0, nn.ReLU: 0.0}[type(activation)]
