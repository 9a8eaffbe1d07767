"""Counts a network's multiply-accumulates from its layers' shapes."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn

from amsr_deploy.metadata import Cost
from amsr_deploy.models import Network
from amsr_deploy.models.swinir import WINDOW, WindowAttention

_SIDE = 2 * WINDOW  # of the probe image: whole windows for every backbone


def count_cost(network: Network) -> Cost:
    """Count the MACs per LR pixel of a network, split into what the mask thins out and the rest.

    Convolutions, transposed convolutions (at their input), linear layers and the two products of attention are counted;
    additions, activations and normalisation are not, as is usual.
    """
    body = {module for masked in network.masked_modules() for module in masked.modules()}
    macs = {True: 0, False: 0}

    def add(in_body: bool, layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        macs[in_body] += layer_macs(layer, inputs[0], output)

    hooks = [layer.register_forward_hook(partial(add, layer in body)) for layer in network.modules()]
    with torch.no_grad():
        network(torch.zeros(1, 3, _SIDE, _SIDE, dtype=next(network.parameters()).dtype))
    for hook in hooks:
        hook.remove()
    return Cost(fixed=macs[False] / _SIDE**2, body=macs[True] / _SIDE**2)


def layer_macs(layer: nn.Module, x: Tensor, output: Tensor) -> int:
    """Count the MACs of one call of a layer, without those of its submodules."""
    if isinstance(layer, nn.Conv2d):
        return output.numel() * layer.weight[0].numel()
    if isinstance(layer, nn.ConvTranspose2d):
        return x.numel() * layer.weight[0].numel()
    if isinstance(layer, nn.Linear):
        return output.numel() * layer.in_features
    if isinstance(layer, WindowAttention):  # query x key and attention x value, over the pixels of a window
        return 2 * x.numel() * WINDOW**2
    return 0
