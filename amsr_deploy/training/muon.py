"""Muon (Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024) for matrices and kernels.

Each update is made orthogonal, so that all directions of a layer learn alike. PyTorch's own Muon takes matrices one by
one, which costs a small network on a CPU several times its training step; here all of one shape go together.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

MOMENTUM = 0.95
STEPS = 5
"""Newton-Schulz iterations."""
COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Of the iteration's polynomial x, x^3, x^5, which takes singular values close to 1 (Jordan et al.)."""
RMS = 0.2
"""Size of an update like that of Adam, so that one learning rate serves both (Liu et al., "Muon is scalable for LLM
training", 2025, Eq. 4)."""


class Muon(torch.optim.Optimizer):
    """Muon with Nesterov momentum and decoupled weight decay.

    A weight [Co, ...] is one matrix of Co rows. So are the kernel of a grouped convolution, whose groups see different
    inputs, and SwinIR's weight of queries, keys and values: their rows are made orthogonal across these parts too.
    """

    def __init__(self, weights: Iterable[Tensor], lr: float | Tensor = 1e-3, weight_decay: float = 0.0) -> None:
        super().__init__(weights, {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Make a step; a closure is not called."""
        for group in self.param_groups:
            kept = 1 - group["lr"] * group["weight_decay"]
            alike: dict[tuple[int, int], list[Tensor]] = defaultdict(list)
            for weight in group["params"]:
                if weight.grad is not None:
                    alike[len(weight), weight[0].numel()].append(weight)
            for shape, weights in alike.items():
                rate = group["lr"] * (RMS * math.sqrt(max(shape)))
                updates = orthogonal(torch.stack([self._direction(weight) for weight in weights])) * rate
                for weight, update in zip(weights, updates, strict=True):
                    weight.mul_(kept).sub_(update.view(weight.shape))

    def _direction(self, weight: Tensor) -> Tensor:
        """Compute the gradient with its momentum, as a matrix."""
        assert weight.grad is not None
        state, gradient = self.state[weight], weight.grad
        if not state:
            state["momentum_buffer"] = torch.zeros_like(gradient)
        momentum: Tensor = state["momentum_buffer"].lerp_(gradient, 1 - MOMENTUM)
        return gradient.lerp(momentum, MOMENTUM).reshape(len(weight), -1)


def orthogonal(matrices: Tensor) -> Tensor:
    """Make all singular values of matrices [N, R, C] about equal, 0.7 to 1.2; singular vectors stay."""
    wide = matrices if matrices.shape[1] <= matrices.shape[2] else matrices.mT
    a, b, c = COEFFICIENTS
    x = wide / (wide.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(STEPS):
        square = x @ x.mT
        x = a * x + (b * square + c * square @ square) @ x
    return x if wide is matrices else x.mT
