"""The backbones in PyTorch."""

from __future__ import annotations

from amsr_deploy.descriptor import describe
from amsr_deploy.models.carn import CARN
from amsr_deploy.models.fsrcnn import FSRCNN
from amsr_deploy.models.masked import MaskedCNN
from amsr_deploy.models.srresnet import SRResNet
from amsr_deploy.models.swinir import SwinIR

_CLASSES = {"fsrcnn": FSRCNN, "carn": CARN, "srresnet": SRResNet, "swinir": SwinIR}

Network = MaskedCNN | SwinIR


def create(name: str) -> Network:
    """A backbone with fresh weights.

    Raises:
        UserError: no such backbone.
    """
    return _CLASSES[describe(name).name]()
