"""The PyTorch reference of the `amsr` operators, called as a case of any of them says."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import torch
from numpy.typing import NDArray
from operator_cases import Case
from torch import nn

from amsr_deploy.models import operators
from amsr_deploy.models.activation import NAMED


def reference(case: Case, storage: torch.dtype = torch.float32) -> NDArray:
    """The PyTorch result, of inputs rounded to the storage type."""
    inputs = [torch.from_numpy(value) for value in case.inputs.values()]
    rounded = [x.to(storage).float() if x.dtype == torch.float32 else x for x in inputs]
    return reference_of(case.operator)(case, *rounded).numpy()


def activation(operator: str, slope: float | None) -> nn.Module:
    """What an operator of this name does to its sums."""
    named = (kind() for kind, name in NAMED.items() if name in operator)
    return next(named, nn.LeakyReLU(slope))


def masked_conv2d(case: Case, *inputs: torch.Tensor) -> torch.Tensor:
    group, slope = case.attributes["group"], case.attributes.get("negative_slope")
    return operators.masked_conv2d(*inputs[:5], group, activation(case.operator, slope), *inputs[5:])


def pointwise(case: Case, *inputs: torch.Tensor) -> torch.Tensor:
    residual = inputs[-1] if "residual" in case.inputs else None
    *rows, weight, bias = inputs if residual is None else inputs[:-1]
    return operators.pointwise(
        rows, weight, bias, activation(case.operator, case.attributes["negative_slope"]), residual
    )


def pixel_conv2d(case: Case, *inputs: torch.Tensor) -> torch.Tensor:
    group, slope, upscale = case.attributes.values()
    kind = activation(case.operator, slope)
    if case.operator.endswith("Nearest"):
        return operators.pixel_conv2d_add_nearest(*inputs[:4], upscale, inputs[4], group, kind)
    return operators.pixel_conv2d(*inputs[:4], group, kind, upscale, *inputs[4:])


def window_layer(pixels: torch.Tensor, windows: torch.Tensor, size: torch.Tensor, *rest: Any) -> torch.Tensor:
    count = len(operators.WindowLayerWeights._fields)
    weights, attributes = operators.WindowLayerWeights(*rest[:count]), rest[count:]
    return operators.window_layer(pixels, windows, size, weights, *attributes)


def reference_of(operator: str) -> Callable[..., torch.Tensor]:
    """The reference of an operator, which takes a case and its inputs."""
    for name, call in {"MaskedConv2d": masked_conv2d, "Pointwise": pointwise, "PixelConv2d": pixel_conv2d}.items():
        if operator.startswith(name):
            return call
    plain = (
        window_layer
        if operator == "WindowLayer"
        else getattr(operators, re.sub("(?<!^)([A-Z])", r"_\1", operator).lower())
    )
    return lambda case, *inputs: plain(*inputs, *case.attributes.values())
