"""The network that a training starts with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from amsr_deploy import models
from amsr_deploy.errors import ModelError
from amsr_deploy.models.checkpoint import describe_mismatch, make_nearest, read_checkpoint
from amsr_deploy.training.config import Config


def first_network(config: Config, resume: bool, tell: Callable[[str], None]) -> models.Network:
    """Make the network that a training starts with: fresh, or with the weights of `config.init`.

    From a checkpoint that does not hold the scale all is taken but the upsampler, which starts anew.

    Args:
        config: the settings.
        resume: leaves the weights to the checkpoint of the run.
        tell: receives a line where the upsampler starts anew.

    Raises:
        UserError: dimensions that the backbone has not.
        ModelError: `config.init` is not a checkpoint of this backbone, or has other dimensions.
    """
    models.check_dimensions(config.backbone, config.dimensions)
    network = models.create(config.backbone, scale=config.scale, **config.dimensions)
    if not config.init or resume:
        return network
    source = make_nearest(read_checkpoint(Path(config.init)), config.backbone, config.scale)
    others: tuple[str, ...] = ()
    if source.scale != config.scale:
        others = network.UPSAMPLER
        tell(f"{config.init} is a network of x{source.scale}: the upsampler for x{config.scale} starts anew")
    kept, expected = (
        {name: value for name, value in each.state_dict().items() if not name.startswith(others)}
        for each in (source, network)
    )
    if problems := describe_mismatch(kept, expected):
        raise ModelError(f"{config.init} has other dimensions than the settings: {'; '.join(problems)}")
    network.load_state_dict(network.state_dict() | kept)
    return network
