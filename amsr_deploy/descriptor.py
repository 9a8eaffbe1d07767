"""What each backbone is and what it can do, as plain data: no PyTorch needed to ask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from amsr_deploy.errors import UserError

SCALES = (2, 3, 4)
"""Upscaling factors that a model may have."""
SCALE = 4
"""The default of them."""

Strategy = Literal["kmeans", "fixed", "median"]
STRATEGIES: tuple[Strategy, ...] = get_args(Strategy)
"""How the threshold of a mask can be found (ablation of the paper's Table 4)."""


@dataclass(frozen=True)
class Descriptor:
    """Identity and capabilities of a backbone."""

    name: str
    """Name on the command line and in file names."""
    title: str
    """Name in the literature."""
    body: Literal["pixels", "windows"]
    """What the mask selects: single pixels (CNN bodies, Eq. 4) or attention windows (Transformer bodies, Eq. 5)."""
    dilation: int
    """Default side k of the mask's dilation square."""
    halo: int
    """LR pixels around a tile after which its result equals the untiled one (windows: see runtime/tiles.py)."""
    bytes_per_pixel: int
    """Peak memory of ONNX Runtime per LR pixel at full density, measured."""
    learning_rate: float
    """Peak learning rate of training (design 2.4)."""
    batch_size: int
    """Patches a step of training (design 2.4)."""
    threshold: float = 0.0
    """Share of masked pixels from which a window is kept (sigma); 0 where the body is masked by pixels."""
    window_size: int = 1
    """Side of an attention window; 1 where there are none."""
    scale: int = SCALE
    """Upscaling factor."""
    dense_above: float = 1.0
    """Density above which the dense network is faster, measured by `amsr bench --crossover`; 1 is never."""

    @property
    def size_multiple(self) -> int:
        """Height and width of the network's input must be multiples of this."""
        return self.window_size


BACKBONES: dict[str, Descriptor] = {
    descriptor.name: descriptor
    for descriptor in (
        # Halos: half kernel sizes summed along the network, those after an upsampling divided by it, rounded up.
        Descriptor(
            "fsrcnn",
            "FSRCNN",
            "pixels",
            dilation=5,
            halo=8,
            bytes_per_pixel=4_000,
            learning_rate=1e-3,
            batch_size=64,
        ),
        Descriptor(
            "carn",
            "CARN",
            "pixels",
            dilation=5,
            halo=21,
            bytes_per_pixel=20_000,
            learning_rate=2e-4,
            batch_size=16,
        ),
        Descriptor(
            "srresnet",
            "SRResNet",
            "pixels",
            dilation=7,
            halo=36,
            bytes_per_pixel=20_000,
            learning_rate=2e-4,
            batch_size=16,
        ),
        Descriptor(
            "swinir",
            "SwinIR light",
            "windows",
            dilation=11,
            halo=32,
            bytes_per_pixel=24_000,
            learning_rate=2e-4,
            batch_size=16,
            threshold=0.5,
            window_size=8,
        ),
    )
}


def describe(name: str) -> Descriptor:
    """The descriptor of a backbone.

    Raises:
        UserError: no such backbone.
    """
    try:
        return BACKBONES[name]
    except KeyError:
        raise UserError(f"unknown backbone {name!r}; use one of: {', '.join(BACKBONES)}") from None
