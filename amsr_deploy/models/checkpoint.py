"""Reads checkpoints, ours and public ones. Which network it is follows from the weights."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors.torch import load
from torch import Tensor

from amsr_deploy.descriptor import SCALE, SCALES, describe
from amsr_deploy.errors import ModelError
from amsr_deploy.models import CLASSES, Network, create
from amsr_deploy.models.backbone import Weights

WRAPPERS = ("params_ema", "params", "state_dict", "model_state_dict", "model")
"""Keys under which public checkpoints hold their weights; the first one present is taken."""
WRAPPED = re.compile(r"^(module\.|_orig_mod\.)+|(?<=\.)_orig_mod\.")
"""What PyTorch's own wrappers put before the names of weights, the compiler before those of its parts, too."""
MASKS = "masks"
"""The fact of our own weights that says by which masks they were trained; others lack it."""
TRAINED_FOR = "trained_for"
"""The fact of our own weights that says for which pictures they were trained, see `descriptor.PURPOSES`."""
SHOWN = 3
"""Names of weights that a message about an unknown network shows."""


@dataclass(frozen=True)
class Checkpoint:
    """The content of a checkpoint.

    Attributes:
        path: the file.
        weights: tensors by name, on the CPU.
        facts: what our own files say besides: steps, backbone, scale, masks.
    """

    path: Path
    weights: dict[str, Tensor]
    facts: dict[str, str] = field(default_factory=dict)


def read_network(path: Path, backbone: str | None = None, scale: int | None = None) -> Network:
    """Read a network with all weights of a checkpoint file; see `read_checkpoint` and `make_network`."""
    return make_network(read_checkpoint(path), backbone, scale)


def make_network(checkpoint: Checkpoint, backbone: str | None = None, scale: int | None = None) -> Network:
    """Make a network with all weights of a checkpoint. Its backbone, scale and dimensions follow from the weights.

    Args:
        checkpoint: weights, ours or public ones.
        backbone: what it must be; None takes any.
        scale: likewise; it also chooses where a file holds several scales, or does not show it (FSRCNN). None is the
            file's own, or 4.

    Raises:
        ModelError: of an unknown network, another backbone, another scale; names the first weights that do not fit.
    """
    network = make_nearest(checkpoint, backbone, scale)
    if scale not in (None, network.scale):
        raise ModelError(f"{checkpoint.path} is a network of x{network.scale}, not of x{scale}")
    return network


def make_nearest(checkpoint: Checkpoint, backbone: str | None, scale: int | None) -> Network:
    """Make a network as `make_network` does, but of the file's own scale where it does not hold the wanted one."""
    path = checkpoint.path
    name = backbone if backbone and fits(backbone, checkpoint.weights) else recognise(checkpoint)
    title = describe(name).title
    if backbone not in (None, name):
        wanted = describe(backbone).title
        raise ModelError(f"{path} holds weights of {title} ({name}), not of {wanted} ({backbone})")
    kind = CLASSES[name]
    try:
        weights = kind.adapt(checkpoint.weights, scale)
        arguments = {"scale": int(checkpoint.facts.get("scale", scale or SCALE)), **kind.arguments(weights)}
        if arguments["scale"] not in SCALES:
            raise ValueError(f"its scale is {arguments['scale']}, not one of {', '.join(map(str, SCALES))}")
        with torch.device("meta"):  # a small file may claim dimensions for which the memory is too little
            expected = create(name, **arguments).state_dict()
    except (KeyError, TypeError, ValueError, IndexError, RuntimeError, ZeroDivisionError) as error:
        raise ModelError(f"{path} looks like a checkpoint of {title}, but does not fit ({error})") from error
    if problems := describe_mismatch(weights, expected):
        raise ModelError(f"{path} is not a checkpoint of {title}: {'; '.join(problems)}")
    network = create(name, **arguments)
    network.load_state_dict(weights)
    return network


def recognise(checkpoint: Checkpoint) -> str:
    """Recognise the backbone of a checkpoint.

    Raises:
        ModelError: none of ours; names them, and the first weights of the checkpoint.
    """
    for name in CLASSES:
        if fits(name, checkpoint.weights):
            return name
    first = ", ".join(list(checkpoint.weights)[:SHOWN])
    raise ModelError(
        f"{checkpoint.path} is not a checkpoint of a known network ({', '.join(CLASSES)}): "
        f"none of them has weights named {first}"
    )


def fits(backbone: str, weights: Weights) -> bool:
    """Tell whether weights have the names that distinguish a backbone from the others."""
    kind = CLASSES[describe(backbone).name]
    return set(kind.SIGNATURE) <= {kind.own_name(name) for name in weights}


def read_checkpoint(path: Path) -> Checkpoint:
    """Read the tensors of a checkpoint by name, on the CPU.

    Args:
        path: a safetensors file, or a PyTorch file, which is read without running code from it.

    Raises:
        ModelError: no such file, or not a checkpoint.
    """
    if not path.is_file():
        raise ModelError(f"{path} is not a file; give a .safetensors or .pth checkpoint")
    try:
        if path.suffix == ".safetensors":
            weights, facts = read_tensors(path)
            return Checkpoint(path, without_wrapper(weights), facts)
        with path.open("rb") as file:  # PyTorch opens no names that are not UTF-8
            content = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # a broken file leads PyTorch into exceptions of many types
        raise ModelError(f"{path} cannot be read as a checkpoint of tensors alone ({type(error).__name__})") from error
    for wrapper in WRAPPERS:
        if isinstance(content, dict) and isinstance(content.get(wrapper), dict):
            content = content[wrapper]
            break
    if not isinstance(content, dict) or not all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in content.items()
    ):
        raise ModelError(f"{path} holds no weights by name; expected a state_dict, bare or in {', '.join(WRAPPERS)}")
    for name, value in content.items():
        if not is_plain(value):
            raise ModelError(
                f"{path} holds {name} as a sparse, quantised, nested, expanded or meta tensor; save plain ones"
            )
    return Checkpoint(path, without_wrapper(content))


def is_plain(value: Tensor) -> bool:
    """Tell whether a tensor holds each of its values, as it is."""
    special = value.layout is not torch.strided or value.is_meta or value.is_quantized or value.is_nested
    return not special and value.untyped_storage().nbytes() >= value.nbytes


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read the tensors of a safetensors file by name, on the CPU, and its facts.

    The package gives the facts only of a file that it opens itself, and opens none whose name is not UTF-8.

    Raises:
        OSError: it cannot be read.
        SafetensorError: not such a file, or not a whole one.
    """
    content = path.read_bytes()
    tensors = load(content)
    length = int.from_bytes(content[:8], "little")
    return tensors, json.loads(content[8 : 8 + length]).get("__metadata__", {})


def without_wrapper(weights: Weights) -> dict[str, Tensor]:
    """Restore the names that weights had before PyTorch's DataParallel, compiler and AveragedModel, which adds one."""
    return {own: value for name, value in weights.items() if (own := WRAPPED.sub("", name)) != "n_averaged"}


def describe_mismatch(weights: Weights, expected: Weights) -> list[str]:
    """Describe each kind of mismatch by its number and its first name; empty where all fits."""
    missing = [name for name in expected if name not in weights]
    unexpected = [name for name in weights if name not in expected]
    misshaped = [
        f"{name} {tuple(value.shape)} instead of {tuple(expected[name].shape)}"
        for name, value in weights.items()
        if name in expected and value.shape != expected[name].shape
    ]
    mistyped = [
        f"{name} {str(value.dtype).removeprefix('torch.')}"
        for name, value in weights.items()
        if name in expected and not value.is_floating_point()
    ]
    kinds = {"missing": missing, "unexpected": unexpected, "of another shape": misshaped, "of another type": mistyped}
    return [f"{len(names)} {kind}, first {names[0]}" for kind, names in kinds.items() if names]
