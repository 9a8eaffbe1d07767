"""The backbones in PyTorch."""

from __future__ import annotations

from typing import Any

from amsr_deploy.descriptor import describe
from amsr_deploy.models.carn import CARN
from amsr_deploy.models.disp import DISP
from amsr_deploy.models.fsrcnn import FSRCNN
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
    """
    return CLASSES[describe(name).name](**arguments)


def name_of(network: Network) -> str:
    """Return the name of a network's backbone."""
    return next(name for name, kind in CLASSES.items() if type(network) is kind)
