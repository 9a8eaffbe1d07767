"""A network in training: one optimisation step, the average of its weights, and what a checkpoint holds."""

from __future__ import annotations

import math
from typing import TypeGuard

import torch
from torch import Tensor, nn

from amsr_deploy.models import Network
from amsr_deploy.training.config import Config
from amsr_deploy.training.data import Batch
from amsr_deploy.training.device import select_precision
from amsr_deploy.training.distributed import World
from amsr_deploy.training.loss import compute_loss
from amsr_deploy.training.muon import Muon

CLIP_NORM = 1.0
"""Gradients are clipped to this norm."""
BETAS = (0.9, 0.99)
MOMENTS: dict[type[torch.optim.Optimizer], tuple[str, ...]] = {
    torch.optim.Adam: ("step", "exp_avg", "exp_avg_sq"),
    Muon: ("momentum_buffer",),
}
"""What the optimisers keep of each weight from their first step on."""


class Trainer:
    """A network with its optimiser and its averaged weights.

    Attributes:
        network: the network itself, in the memory format that suits its device.
        average: exponential moving average of the weights, under the names of `network.state_dict()`.
        steps: optimisation steps made so far.
    """

    def __init__(self, network: Network, config: Config, device: torch.device, world: World | None = None) -> None:
        world = world or World()
        self.network = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.dtype = select_precision(config.precision, device)
        self.compile = device.type == "cuda" if config.compile is None else config.compile
        self.steps = 0
        self._device = device
        self._decay, self._loss = config.ema, config.loss
        self._rate = torch.zeros((), device=device)
        self._renewal = torch.zeros((), device=device)
        self._named = {name: p for name, p in self.network.named_parameters() if p.requires_grad}
        self._optimizers = make_optimizers(self.network, self._named, config, self._rate)
        if self.compile:
            for part in network.compiled_parts():
                part.compile()
        self._parallel = world.parallel(self.network, device)
        self._weights = list(self.network.state_dict().values())
        self.average = {name: value.clone() for name, value in self.network.state_dict().items()}
        self._averages = list(self.average.values())

    @property
    def precision(self) -> str:
        """Name of the arithmetic of the forward pass."""
        return str(self.dtype).removeprefix("torch.")

    def begin_step(self, learning_rate: float) -> None:
        """Count a step, and set on the device what changes from step to step."""
        self.steps += 1
        self._rate.fill_(learning_rate)
        self._renewal.fill_(1 - min(self._decay, (1 + self.steps) / (10 + self.steps)))

    def train_on(self, batch: Batch) -> Tensor:
        """Learn from a batch, and return its loss [].

        It never waits for the device, and its tensors keep their addresses, so that a CUDA graph can capture it.
        """
        loss = self.backward(batch)
        nn.utils.clip_grad_norm_(self._named.values(), CLIP_NORM)
        for optimizer in self._optimizers:
            optimizer.step()
        news = torch._foreach_sub(self._weights, self._averages)
        torch._foreach_mul_(news, self._renewal)
        torch._foreach_add_(self._averages, news)
        return loss

    def without_compile(self) -> None:
        """Stop using torch.compile."""
        self.compile = False

    def backward(self, batch: Batch) -> Tensor:
        """Put the gradients of the loss of a batch into the parameters, and return the loss []."""
        self.network.zero_grad(set_to_none=True)
        stance = torch.compiler.set_stance("default" if self.compile else "force_eager")
        with stance, torch.autocast(self._device.type, torch.bfloat16, enabled=self.dtype is torch.bfloat16):
            output = self._parallel(batch.lr.contiguous(memory_format=torch.channels_last), batch.mask)
        loss = compute_loss(self._loss, output, batch.hr)
        loss.backward()  # type: ignore[no-untyped-call]
        return loss.detach()

    def is_finite(self) -> bool:
        """Tell whether all weights are numbers."""
        return bool(nn.utils.get_total_norm(self._weights).isfinite())

    def state(self) -> dict[str, Tensor]:
        """Collect all tensors that `load_state` needs: weights, their average, and the optimiser's moments."""
        state = {f"network.{name}": value for name, value in self.network.state_dict().items()}
        state |= {f"average.{name}": value for name, value in self.average.items()}
        for optimizer in self._optimizers:
            for name, parameter in self._named.items():
                for key, value in optimizer.state.get(parameter, {}).items():
                    state[f"optimizer.{key}.{name}"] = value
        return state

    def load_state(self, state: dict[str, Tensor], steps: int) -> None:
        """Restore what `state` returned after a number of steps.

        Raises:
            KeyError: a tensor is missing.
            ValueError: one is of another shape or type, not finite, or has values that no training gives it.
        """
        self.steps = steps
        weights = {name: restored(state, f"network.{name}", value) for name, value in self.average.items()}
        self.network.load_state_dict(weights)
        for name, value in self.average.items():
            value.copy_(restored(state, f"average.{name}", value))
        if steps == 0:
            return
        limits = {"step": (1, steps), "exp_avg_sq": (0, math.inf)}
        for optimizer in self._optimizers:
            kinds = MOMENTS[type(optimizer)]
            for group in optimizer.param_groups:
                for name, weight in self._named.items():
                    if any(weight is each for each in group["params"]):
                        likes = {kind: weight.new_zeros(()) if kind == "step" else weight for kind in kinds}
                        optimizer.state[weight] = {
                            kind: restored(state, f"optimizer.{kind}.{name}", like, *limits.get(kind, ()))
                            for kind, like in likes.items()
                        }


def restored(
    state: dict[str, Tensor], name: str, like: Tensor, least: float = -math.inf, most: float = math.inf
) -> Tensor:
    """Copy a tensor of a checkpoint to the device and in the memory layout of another, as fused Adam requires.

    Raises:
        KeyError: it is missing.
        ValueError: it is of another shape or type, not finite, or out of range.
    """
    value = state[name]
    if (value.shape, value.dtype) != (like.shape, like.dtype):
        kinds = (f"{str(each.dtype).removeprefix('torch.')} {tuple(each.shape)}" for each in (value, like))
        raise ValueError(f"{name} {' instead of '.join(kinds)}")
    if not value.isfinite().all():
        raise ValueError(f"{name} is not finite")
    if not ((value >= least) & (value <= most)).all():
        raise ValueError(f"{name} is not from {least:g} to {most:g}")
    return torch.empty_like(like, requires_grad=False).copy_(value)


def is_hidden(layer: nn.Module) -> TypeGuard[nn.Linear | nn.Conv2d]:
    """Tell whether Muon learns the weight of a layer of the body.

    It does where that is a matrix, or a kernel of more than a pixel; Adam learns the weights of 1x1 convolutions.
    """
    return isinstance(layer, nn.Linear) or (isinstance(layer, nn.Conv2d) and layer.kernel_size != (1, 1))


def make_optimizers(
    network: Network, weights: dict[str, nn.Parameter], config: Config, rate: Tensor
) -> list[torch.optim.Optimizer]:
    """Make the optimisers: Adam, and with `muon` Muon for kernels and matrices in the masked part of the network.

    Args:
        network: a backbone.
        weights: those that learn, by name.
        config: the settings, of which it reads the optimiser and its weight decay.
        rate: the learning rate [], on the device of the weights; it is read at every step.
    """
    kernels: list[Tensor] = []
    if config.optimizer == "muon":
        layers = {layer for masked in network.masked_modules() for layer in masked.modules()}
        kernels = [layer.weight for layer in layers if is_hidden(layer)]
    others = [weight for weight in weights.values() if not any(weight is kernel for kernel in kernels)]
    adam = torch.optim.Adam(others, rate, BETAS, fused=True, capturable=rate.is_cuda)
    return [adam, Muon(kernels, rate, config.weight_decay)] if kernels else [adam]
