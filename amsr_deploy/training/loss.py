"""What a training makes smaller."""

from __future__ import annotations

from torch import Tensor

from amsr_deploy.descriptor import Loss

MSE_UNIT = 5e-4
"""Mean squared error (33 dB) from which on the loss `psnr` counts an error by its logarithm."""


def compute_loss(kind: Loss, output: Tensor, hr: Tensor) -> Tensor:
    """Compute the loss [] of patches.

    `l1` and `l2` are the mean absolute and squared differences. `psnr` takes the logarithm of each patch's mean squared
    error, as PSNR does, so that a smooth patch counts as much as one of leaves: MSE_UNIT * log(1 + MSE / MSE_UNIT),
    which is `l2` for small errors.

    Args:
        kind: which loss.
        output: [N, 3, H, W], what the network made.
        hr: [N, 3, H, W] in [0, 1], what it should be.
    """
    difference = output.float() - hr
    match kind:
        case "l1":
            return difference.abs().mean()
        case "l2":
            return difference.square().mean()
        case "psnr":
            errors = difference.square().flatten(1).mean(1)
            return MSE_UNIT * (errors / MSE_UNIT).log1p().mean()
