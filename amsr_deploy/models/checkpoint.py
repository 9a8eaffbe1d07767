"""Reading checkpoints: ours and the public ones of the same networks."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from amsr_deploy.errors import ModelError

WRAPPERS = ("params_ema", "params", "state_dict")
"""Keys under which public checkpoints hold their weights; the first one present is taken."""


def load_checkpoint(network: nn.Module, path: Path) -> None:
    """Load weights into a network, all of them and nothing else.

    Args:
        network: one of `amsr_deploy.models`; its RENAMED and UNUSED say how public checkpoints differ.
        path: a safetensors file, or a PyTorch file, which is read without running code from it.

    Raises:
        ModelError: no such file, not a checkpoint, or one of another network; names the first key of each kind.
    """
    weights = adapt(read_weights(path), network)
    problems = describe_mismatch(weights, network.state_dict())
    if problems:
        raise ModelError(f"{path} is not a checkpoint of {type(network).__name__}: {'; '.join(problems)}")
    network.load_state_dict(weights)


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a checkpoint by name, on the CPU.

    Raises:
        ModelError: no such file, or not a checkpoint.
    """
    if not path.is_file():
        raise ModelError(f"{path} is not a file; give a .safetensors or .pth checkpoint")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a broken file leads PyTorch into exceptions of many types
        raise ModelError(f"{path} cannot be read as a checkpoint of tensors alone ({type(error).__name__})") from error
    for wrapper in WRAPPERS:
        if isinstance(content, dict) and isinstance(content.get(wrapper), dict):
            content = content[wrapper]
            break
    if not isinstance(content, dict) or not all(isinstance(value, Tensor) for value in content.values()):
        raise ModelError(f"{path} holds no weights by name; expected a state_dict, bare or in {', '.join(WRAPPERS)}")
    return content


def adapt(weights: dict[str, Tensor], network: nn.Module) -> dict[str, Tensor]:
    """The weights under our names, without those that the network has no use for."""
    renamed: dict[str, str] = getattr(network, "RENAMED", {})
    unused: tuple[str, ...] = getattr(network, "UNUSED", ())
    adapted = {}
    for name, value in weights.items():
        name = name.removeprefix("module.")
        for theirs, ours in renamed.items():
            if name.startswith(theirs):
                name = ours + name.removeprefix(theirs)
        if not any(fnmatchcase(name, pattern) for pattern in unused):
            adapted[name] = value
    return adapted


def describe_mismatch(weights: dict[str, Tensor], expected: dict[str, Tensor]) -> list[str]:
    """One phrase for each kind of mismatch, with its first key and their number; empty where all fits."""
    missing = [name for name in expected if name not in weights]
    unexpected = [name for name in weights if name not in expected]
    misshaped = [
        f"{name} {tuple(value.shape)} instead of {tuple(expected[name].shape)}"
        for name, value in weights.items()
        if name in expected and value.shape != expected[name].shape
    ]
    kinds = {"missing": missing, "unexpected": unexpected, "of another shape": misshaped}
    return [f"{len(names)} {kind}, first {names[0]}" for kind, names in kinds.items() if names]
