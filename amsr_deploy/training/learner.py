"""A network that learns: one optimisation step, the average of its weights, and all that a checkpoint must hold."""

from __future__ import annotations

from collections import defaultdict

import torch
from torch import Tensor, nn

from amsr_deploy.descriptor import Optimizer
from amsr_deploy.models.backbone import Backbone
from amsr_deploy.training.config import Config
from amsr_deploy.training.data import Batch
from amsr_deploy.training.device import compiled, select_precision
from amsr_deploy.training.distributed import World
from amsr_deploy.training.muon import Muon

CLIP_NORM = 1.0
"""Gradients are shortened to this norm."""
BETAS = (0.9, 0.99)


class Learner:
    """A network with its optimiser and its averaged weights.

    Attributes:
        network: the network itself, in the order of memory that its device likes.
        average: exponential moving average of the weights, under the names of `network.state_dict()`.
        steps: optimisation steps made so far.
    """

    def __init__(self, network: nn.Module, config: Config, device: torch.device, world: World | None = None) -> None:
        world = world or World()
        self.network = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.dtype = select_precision(config.precision, device)
        self.compile = device.type == "cuda" if config.compile is None else config.compile
        self.steps = 0
        self._device = device
        self._decay = config.ema
        self._named = {name: p for name, p in self.network.named_parameters() if p.requires_grad}
        self._optimizers = make_optimizers(self.network, self._named, config.optimizer, device)
        forward = world.parallel(self.network, device)
        self._forward = compiled(forward, device, world.size) if self.compile else forward
        self._weights = list(self.network.state_dict().values())
        self.average = {name: value.clone() for name, value in self.network.state_dict().items()}
        self._averages = list(self.average.values())

    @property
    def precision(self) -> str:
        """Name of the arithmetic of the forward pass."""
        return str(self.dtype).removeprefix("torch.")

    def step(self, batch: Batch, learning_rate: float) -> Tensor:
        """Learn from a batch; returns its L1 loss [], not yet computed where the device runs ahead."""
        loss = self.backward(batch)
        nn.utils.clip_grad_norm_(self._named.values(), CLIP_NORM)
        for optimizer in self._optimizers:
            for group in optimizer.param_groups:
                group["lr"] = learning_rate
            optimizer.step()
        self.steps += 1
        decay = min(self._decay, (1 + self.steps) / (10 + self.steps))
        torch._foreach_lerp_(self._averages, self._weights, 1 - decay)
        return loss

    def backward(self, batch: Batch) -> Tensor:
        """Put the gradients of the L1 loss of a batch into the parameters; returns the loss []."""
        self.network.zero_grad(set_to_none=True)
        torch.compiler.cudagraph_mark_step_begin()  # type: ignore[no-untyped-call]
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self.dtype is torch.bfloat16):
            output = self._forward(batch.lr.contiguous(memory_format=torch.channels_last), batch.mask)
        loss: Tensor = (output.float() - batch.hr).abs().mean()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss.detach()

    def is_finite(self) -> bool:
        """Whether all weights are numbers."""
        return bool(nn.utils.get_total_norm(self._weights).isfinite())

    def state(self) -> dict[str, Tensor]:
        """All tensors that `load_state` needs to go on: weights, their average, and the optimiser's moments."""
        state = {f"network.{name}": value for name, value in self.network.state_dict().items()}
        state |= {f"average.{name}": value for name, value in self.average.items()}
        for optimizer in self._optimizers:
            for name, parameter in self._named.items():
                for key, value in optimizer.state.get(parameter, {}).items():
                    state[f"optimizer.{key}.{name}"] = value
        return state

    def load_state(self, state: dict[str, Tensor], steps: int) -> None:
        """Go on from what `state` returned after so many steps.

        Raises:
            KeyError: a tensor is missing.
        """
        self.steps = steps
        self.network.load_state_dict({name: state[f"network.{name}"] for name in self.average})
        for name, value in self.average.items():
            value.copy_(state[f"average.{name}"])
        moments: dict[str, dict[str, Tensor]] = defaultdict(dict)
        for key, value in state.items():
            kind, _, rest = key.partition(".")
            if kind == "optimizer":
                moment, _, name = rest.partition(".")
                moments[name][moment] = self._moment(value, self._named[name])
        for optimizer in self._optimizers:
            for group in optimizer.param_groups:
                for name, weight in self._named.items():
                    if any(weight is each for each in group["params"]):
                        optimizer.state[weight] = moments[name]

    @staticmethod
    def _moment(value: Tensor, parameter: Tensor) -> Tensor:
        """A moment in its parameter's memory layout, which fused Adam requires; the step count as it is."""
        return torch.empty_like(parameter, requires_grad=False).copy_(value) if value.ndim else value


def make_optimizers(
    network: nn.Module, weights: dict[str, nn.Parameter], kind: Optimizer, device: torch.device
) -> list[torch.optim.Optimizer]:
    """What makes the steps: Adam, and with `muon` Muon for the kernels in the masked part of the network.

    Args:
        network: a backbone.
        weights: those that learn, by name.
        kind: as in the settings.
        device: where they are.
    """
    kernels: list[Tensor] = []
    if kind == "muon" and isinstance(network, Backbone):
        layers = {layer for masked in network.masked_modules() for layer in masked.modules()}
        kernels = [layer.weight for layer in layers if isinstance(layer, nn.Conv2d) and layer.kernel_size != (1, 1)]
    others = [weight for weight in weights.values() if not any(weight is kernel for kernel in kernels)]
    adam = torch.optim.Adam(others, betas=BETAS, fused=device.type == "cuda")
    return [adam, Muon(kernels)] if kernels else [adam]
