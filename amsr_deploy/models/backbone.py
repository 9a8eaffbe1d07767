"""The base of all networks: their scale, and how they are recognised in a checkpoint."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

Weights = Mapping[str, Tensor]
"""Tensors by name."""
MOST_BLOCKS = 1000
"""Blocks of the deepest network that a checkpoint may hold: a small file may claim so many that they take minutes."""
RGB_MEAN = (0.4488, 0.4371, 0.4040)
"""Mean colour of DIV2K, which some networks subtract."""


class Backbone(nn.Module):
    """A super-resolution network with RGB input and output in [0, 1].

    Attributes:
        scale: upscaling factor s.
    """

    SIGNATURE: ClassVar[tuple[str, ...]] = ()
    """Names of weights, under our names, which together distinguish this network from the others."""
    RENAMED: ClassVar[dict[str, str]] = {}
    """Prefixes of weight names: those of other public implementations -> ours."""
    UNUSED: ClassVar[tuple[str, ...]] = ()
    """Patterns of weights that public checkpoints hold and the network has no use for."""

    UPSAMPLER: ClassVar[tuple[str, ...]] = ()
    """Prefixes of the weights that belong to one scale."""

    scale: int

    @property
    def dimensions(self) -> dict[str, Any]:
        """What `__init__` took to make this network."""
        return {"scale": self.scale, **self.arguments(self.state_dict())}

    @property
    def halo(self) -> int:
        """LR pixels by which tiles overlap on each side to equal the untiled result; those of windows do nearly."""
        raise NotImplementedError

    @property
    def bytes_per_pixel(self) -> int:
        """Peak memory of ONNX Runtime for each LR pixel at full density."""
        raise NotImplementedError

    @property
    def values_per_pixel(self) -> int:
        """Values of the largest tensor for each LR pixel."""
        raise NotImplementedError

    @property
    def picture_layer(self) -> nn.Module | None:
        """The last layer, where it makes the picture from features at its LR size and is a small part of the work.

        It computes in float32 in a model of bfloat16, whose 8 bits would be steps in a picture of 16.
        """
        return None

    def masked_modules(self) -> list[nn.Module]:
        """List the modules that the mask thins out."""
        raise NotImplementedError

    def compiled_parts(self) -> list[nn.Module]:
        """List the modules that torch.compile takes one by one; of those that are alike it compiles one."""
        return [self]

    @classmethod
    def arguments(cls, weights: Weights) -> dict[str, Any]:
        """Read what `__init__` takes from the shapes of weights under our names; raises what `adapt` does."""
        raise NotImplementedError

    @classmethod
    def own_name(cls, name: str) -> str:
        """Return our name of a weight of a public checkpoint."""
        for theirs, ours in cls.RENAMED.items():
            if name.startswith(theirs):
                return ours + name.removeprefix(theirs)
        return name

    @classmethod
    def adapt(cls, weights: Weights, scale: int | None) -> dict[str, Tensor]:  # noqa: ARG003 - some networks need it
        """Rename the weights of a public checkpoint to our names, and leave out those that the network does not use.

        Args:
            weights: of a checkpoint.
            scale: the wanted one, for checkpoints that hold several; None is the default.

        Raises:
            KeyError, TypeError, ValueError, IndexError, RuntimeError, ZeroDivisionError: weights that are missing, or
                of another shape.
        """
        return {
            cls.own_name(name): value
            for name, value in weights.items()
            if not any(fnmatchcase(name, pattern) for pattern in cls.UNUSED)
        }


def mean_colour(image: Tensor) -> Tensor:
    """Make RGB_MEAN [3, 1, 1] on the image's device, without the copy to a GPU that CUDA graphs cannot capture."""
    return torch.stack([image.new_full((1, 1), value) for value in RGB_MEAN])


def count_blocks(weights: Weights, name: str, first: int = 0) -> int:
    """Count the blocks of a checkpoint, whose numbers follow each other.

    Args:
        weights: of the checkpoint, under our names.
        name: of a weight that each block has, with {} for its number.
        first: number of the first block.

    Raises:
        ValueError: more of them than any network has.
    """
    count = 0
    while name.format(first + count) in weights:
        count += 1
    if count > MOST_BLOCKS:
        raise ValueError(f"it has {count} blocks, more than {MOST_BLOCKS}")
    return count


def shuffled_scale(weight: Tensor) -> int:
    """Compute the factor of a pixel shuffle to RGB from the weight [3 s^2, ...] of the convolution before it."""
    return math.isqrt(len(weight) // 3)
