"""The backbones in PyTorch."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from amsr_deploy.descriptor import describe
from amsr_deploy.errors import UserError
from amsr_deploy.models.carn import CARN
from amsr_deploy.models.disp import DISP
from amsr_deploy.models.fsrcnn import FSRCNN
from amsr_deploy.models.layer_check import check_layers
from amsr_deploy.models.masked import MaskedCNN
from amsr_deploy.models.span import SPAN
from amsr_deploy.models.srresnet import SRResNet
from amsr_deploy.models.swinir import SwinIR

Network = MaskedCNN | SwinIR
CLASSES: dict[str, type[Network]] = {
    "disp": DISP,
    "fsrcnn": FSRCNN,
    "carn": CARN,
    "srresnet": SRResNet,
    "swinir": SwinIR,
    "span": SPAN,
}


def create(name: str, **arguments: Any) -> Network:
    """Make a backbone with fresh weights.

    Args:
        name: of the backbone.
        arguments: its scale and its other dimensions, as its class takes them; the usual ones where left out.

    Raises:
        UserError: no such backbone.
        ModelError: it has a layer that the operators cannot compute.
    """
    network = CLASSES[describe(name).name](**arguments)
    if isinstance(network, MaskedCNN):
        check_layers(network)
    return network


def name_of(network: Network) -> str:
    """Return the name of a network's backbone."""
    return next(name for name, kind in CLASSES.items() if type(network) is kind)


def usual_dimensions(name: str) -> dict[str, Any]:
    """Return the dimensions of a backbone, without its scale, that it has where none are given."""
    parameters = inspect.signature(CLASSES[describe(name).name]).parameters
    return {key: parameter.default for key, parameter in parameters.items() if key != "scale"}


def check_dimensions(name: str, dimensions: Mapping[str, Any]) -> None:
    """Raise UserError where a backbone has no such dimension, or not of this size."""
    usual = usual_dimensions(name)
    for key, value in dimensions.items():
        if key not in usual:
            raise UserError(f"{name} has no choice of {key}; leave out `{key}`")
        if type(value) is not type(usual[key]):
            raise UserError(f"`{key}` {value!r} cannot be used; it must be of type {type(usual[key]).__name__}")
        if type(value) is int and value < 1:
            raise UserError(f"`{key}` {value} cannot be used; it must be 1 or more")
