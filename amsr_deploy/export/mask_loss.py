"""What the mask costs a network: one that was never trained with masks falls apart under them."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from amsr_deploy.descriptor import describe
from amsr_deploy.export.verify import check_finite
from amsr_deploy.image.arrays import as_batch, to_float
from amsr_deploy.image.pairs import crop_to_scale, low_resolution
from amsr_deploy.image.sample_photo import SAMPLE
from amsr_deploy.mask import compute_mask
from amsr_deploy.models import Network, name_of


def mask_loss(network: Network, dilation: int) -> float:
    """Measure how much PSNR the mask of a dilation costs on the sample photo, in dB, against the dense network.

    Raises:
        ModelError: the network's output is not finite.
    """
    hr, lr = sample_pair(network.scale, describe(name_of(network)).size_multiple)
    mask = compute_mask(lr, dilation).pixels
    batch = torch.from_numpy(as_batch(lr))
    network = network.eval()
    with torch.no_grad():
        outputs = [network(batch, torch.from_numpy(mask)[None, None]).numpy(), network(batch).numpy()]
    for output in outputs:
        check_finite(output, output, "float32")
    errors = [_squared_error(output[0].transpose(1, 2, 0), hr, network.scale) for output in outputs]
    return float(10 * np.log10(errors[0] / errors[1]))


def sample_pair(scale: int, multiple: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Read the sample photo [sH, sW, 3] and what it is reduced to [H, W, 3], float32 in [0, 1].

    Args:
        scale: s.
        multiple: what H and W are multiples of.
    """
    with Image.open(SAMPLE) as file:
        hr = crop_to_scale(file.convert("RGB"), scale * multiple)
    return to_float(np.asarray(hr)), to_float(np.asarray(low_resolution(hr, scale)))


def _squared_error(output: NDArray[np.float32], reference: NDArray[np.float32], border: int) -> float:
    difference = np.clip(output, 0, 1) - reference
    return float(np.mean(difference[border:-border, border:-border] ** 2))
