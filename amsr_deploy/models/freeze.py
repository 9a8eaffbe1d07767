"""Weights that are plain numbers at inference, exact in any precision of the others: learned slopes and colours."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from torch import nn

from amsr_deploy.models.activation import attributes


@runtime_checkable
class Freezable(Protocol):
    """A module that does the same without weights."""

    def frozen(self) -> nn.Module: ...


def freeze(network: nn.Module) -> None:
    """Replace the modules of a network that stand for numbers, PReLU among them, by ones without weights."""
    for name, child in network.named_children():
        if isinstance(child, nn.PReLU):
            setattr(network, name, nn.LeakyReLU(attributes(child)["negative_slope"]))
        elif isinstance(child, Freezable):
            setattr(network, name, child.frozen())
        else:
            freeze(child)
