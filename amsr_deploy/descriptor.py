"""What each backbone is and can do, as plain data that needs no PyTorch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from amsr_deploy.errors import UserError

DOMAIN = "amsr"
"""Of our operators in ONNX, and the namespace of their plugins in TensorRT."""

SCALES = (2, 3, 4)
"""Upscaling factors that a model may have."""
SCALE = 4
"""The default of them."""

Strategy = Literal["kmeans", "fixed", "median"]
STRATEGIES: tuple[Strategy, ...] = get_args(Strategy)
"""How the threshold of a mask can be found (ablation of the paper's Table 4)."""

Optimizer = Literal["adam", "muon"]
OPTIMIZERS: tuple[Optimizer, ...] = get_args(Optimizer)
"""Optimizers that a training can use."""
Loss = Literal["l1", "l2", "psnr"]
LOSSES: tuple[Loss, ...] = get_args(Loss)
"""What a training makes small: absolute differences, squared ones, or the logarithm of those in each patch."""

Device = Literal["auto", "cpu", "cuda", "tensorrt", "directml", "coreml", "openvino", "webgpu"]
DEVICES: tuple[Device, ...] = get_args(Device)
"""Where a model runs; `auto` is the best of `tensorrt`, `cuda` and `cpu` that the machine has."""

Purpose = Literal["clean", "photo"]
PURPOSES: tuple[Purpose, ...] = get_args(Purpose)
"""What weights are trained for: clean pictures, or photos that are blurred, noisy and compressed (JPEG)."""

PrecisionChoice = Literal["auto", "float32", "bfloat16"]
PRECISION_CHOICES: tuple[PrecisionChoice, ...] = get_args(PrecisionChoice)
"""Of the arithmetic of a training, and of a model on the CPU; `auto` is bfloat16 where it is faster and can be had."""


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
    learning_rate: float
    """Peak learning rate of training."""
    batch_size: int
    """Patches per step of training."""
    optimizer: Optimizer = "adam"
    """The optimizer that trains it best."""
    threshold: float = 0.0
    """Share of masked pixels from which a window is kept (sigma); 0 where the body is masked by pixels."""
    window_size: int = 1
    """Side of an attention window; 1 where there are none."""

    @property
    def size_multiple(self) -> int:
        """Height and width of the network's input must be multiples of this."""
        return self.window_size


BACKBONES: dict[str, Descriptor] = {
    descriptor.name: descriptor
    for descriptor in (
        Descriptor("disp", "DISP", "pixels", dilation=5, learning_rate=2e-3, batch_size=16, optimizer="muon"),
        Descriptor("fsrcnn", "FSRCNN", "pixels", dilation=5, learning_rate=1e-3, batch_size=64),
        Descriptor("carn", "CARN", "pixels", dilation=7, learning_rate=8e-4, batch_size=16, optimizer="muon"),
        Descriptor("srresnet", "SRResNet", "pixels", dilation=7, learning_rate=6e-4, batch_size=16, optimizer="muon"),
        Descriptor(
            "swinir",
            "SwinIR light",
            "windows",
            dilation=11,
            learning_rate=1e-3,
            batch_size=16,
            optimizer="muon",
            threshold=0.5,
            window_size=8,
        ),
        Descriptor("span", "SPAN", "pixels", dilation=5, learning_rate=2e-3, batch_size=16, optimizer="muon"),
    )
}

DEFAULT_BACKBONE = "disp"
"""What runs where no network is named: the one that makes the best pictures for its arithmetic."""


def describe(name: str) -> Descriptor:
    """Return the descriptor of a backbone.

    Raises:
        UserError: no such backbone.
    """
    try:
        return BACKBONES[name]
    except KeyError:
        raise UserError(f"unknown backbone {name!r}; use one of: {', '.join(BACKBONES)}") from None
