"""CARN-M (Ahn, Kang, Sohn, "Fast, Accurate, and Lightweight Super-Resolution with Cascading Residual Network", 2018).

The mobile variant: 64 channels, grouped convolutions, one residual block shared within each cascading block.
Weights are named as in nmhkahn/CARN-pytorch.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from amsr_deploy.models.activation import RELU
from amsr_deploy.models.backbone import RGB_MEAN, Weights, mean_colour
from amsr_deploy.models.masked import Conv, MaskedCNN, PictureConv, convolutions
from amsr_deploy.models.start import carry_colours, upsample_colours

MEAN_ERROR = 0.001
"""What bfloat16 may round off it."""
CHANNELS = 64


class MeanShift(nn.Module):
    """Holds the mean colour as public checkpoints do: as a 1x1 convolution with an identity weight."""

    def __init__(self, sign: int) -> None:
        super().__init__()
        self.shifter = nn.Conv2d(3, 3, 1).requires_grad_(False)
        self.shifter.weight.copy_(torch.eye(3)[..., None, None])
        self.shifter.bias.copy_(sign * torch.tensor(RGB_MEAN))  # type: ignore[union-attr]


class Pointwise(nn.Module):
    """1x1 convolution and ReLU that merge `inputs` concatenated feature maps into one."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(inputs * CHANNELS, CHANNELS, 1), nn.ReLU())

    def forward(self, inputs: Sequence[Tensor], conv: Conv) -> Tensor:
        (merge,) = convolutions(self.body)
        return conv(merge, *inputs, activation=RELU)


class EfficientResidualBlock(nn.Module):
    """Two grouped 3x3 convolutions and a 1x1, around a shortcut."""

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1, groups=groups),
            nn.ReLU(),
            nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1, groups=groups),
            nn.ReLU(),
            nn.Conv2d(CHANNELS, CHANNELS, 1),
        )

    def forward(self, x: Tensor, conv: Conv) -> Tensor:
        first, second, pointwise = convolutions(self.body)
        out = conv(second, conv(first, x, activation=RELU), activation=RELU)
        return conv(pointwise, out, residual=x, activation=RELU)


def cascade(x: Tensor, stages: Sequence[nn.Module], merges: Sequence[nn.Module], conv: Conv) -> Tensor:
    """Run stages whose inputs are all earlier outputs, concatenated and merged by a 1x1 convolution (section 3.2)."""
    merged, outputs = x, [x]
    for stage, merge in zip(stages, merges, strict=True):
        outputs.append(stage(merged, conv))
        merged = merge(outputs, conv)
    return merged


class CascadingBlock(nn.Module):
    """A cascade of three passes through one shared residual block."""

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.b1 = EfficientResidualBlock(groups)
        self.c1, self.c2, self.c3 = Pointwise(2), Pointwise(3), Pointwise(4)

    def forward(self, x: Tensor, conv: Conv) -> Tensor:
        return cascade(x, (self.b1,) * 3, (self.c1, self.c2, self.c3), conv)


class Upsampler(nn.Module):
    """Rounds of grouped convolution, ReLU, pixel shuffle: two of factor 2 for x4, one for x2 and x3."""

    def __init__(self, groups: int, scale: int) -> None:
        super().__init__()
        self.factors = (2, 2) if scale == 4 else (scale,)
        layers: list[nn.Module] = []
        for factor in self.factors:
            convolution = nn.Conv2d(CHANNELS, factor**2 * CHANNELS, 3, padding=1, groups=groups)
            layers += [convolution, nn.ReLU(), nn.PixelShuffle(factor)]
        self.body = nn.Sequential(*layers)

    def forward(self, x: Tensor, conv: PictureConv) -> Tensor:
        for upsample, factor in zip(convolutions(self.body), self.factors, strict=True):
            x = conv.upscaled(upsample, x, factor, activation=RELU)
        return x


class CARN(MaskedCNN):
    """CARN-M; the masked body is the outer cascade of three cascading blocks.

    Public checkpoints hold the upsamplers of all scales (`upsample.up2`, `up3`, `up4`) or a single one (`upsample.up`).
    """

    SIGNATURE: ClassVar[tuple[str, ...]] = ("entry.weight", "b1.b1.body.0.weight", "exit.weight")
    UPSAMPLER: ClassVar[tuple[str, ...]] = ("upsample.",)

    def __init__(self, scale: int = 4, groups: int = 4) -> None:
        super().__init__()
        self.scale = scale
        self.sub_mean, self.add_mean = MeanShift(-1), MeanShift(1)
        self.entry = nn.Conv2d(3, CHANNELS, 3, padding=1)
        self.b1, self.b2, self.b3 = (CascadingBlock(groups) for _ in range(3))
        self.c1, self.c2, self.c3 = Pointwise(2), Pointwise(3), Pointwise(4)
        self.upsample = nn.ModuleDict({f"up{scale}": Upsampler(groups, scale)})
        self.exit = nn.Conv2d(CHANNELS, 3, 3, padding=1)
        self._start_bilinear()

    @torch.no_grad()
    def _start_bilinear(self) -> None:
        """Start as a bilinear upsampling; colours travel without their mean taken off, so that ReLU keeps them."""
        mean = torch.tensor(RGB_MEAN)
        carry_colours(self.entry, mean)
        for merge in (self.c1, self.c2, self.c3):
            (convolution,) = convolutions(merge.body)
            carry_colours(convolution)
        upsampler = self.upsampler
        for convolution, factor in zip(convolutions(upsampler.body), upsampler.factors, strict=True):
            upsample_colours(convolution, factor)
        carry_colours(self.exit, -mean)

    @classmethod
    def arguments(cls, weights: Weights) -> dict[str, Any]:
        return {"scale": max(upsamplers(weights)), "groups": CHANNELS // weights["b1.b1.body.0.weight"].shape[1]}

    @classmethod
    def adapt(cls, weights: Weights, scale: int | None) -> dict[str, Tensor]:
        check_mean(weights)
        prefixes = upsamplers(weights)
        if not prefixes:
            return dict(weights)
        kept = scale if scale in prefixes else max(prefixes)
        others = tuple(prefix for prefix in prefixes.values() if prefix != prefixes[kept])
        return {
            name.replace(prefixes[kept], f"upsample.up{kept}."): value
            for name, value in weights.items()
            if not name.startswith(others)
        }

    @property
    def upsampler(self) -> Upsampler:
        """The one of this scale."""
        (upsampler,) = self.upsample.values()
        assert isinstance(upsampler, Upsampler)
        return upsampler

    @property
    def halo(self) -> int:
        return 21  # 3x3 convolutions: entry, 18 in the body, the upsampler's, the exit, the last ones at a larger scale

    @property
    def bytes_per_pixel(self) -> int:
        return 4_000 + 1_000 * self.scale**2

    @property
    def values_per_pixel(self) -> int:
        return CHANNELS * self.scale**2

    def masked_modules(self) -> list[nn.Module]:
        return [self.b1, self.b2, self.b3, self.c1, self.c2, self.c3]

    def head(self, image: Tensor, conv: PictureConv) -> Tensor:
        return conv(self.entry, conv.from_map(image - mean_colour(image)))

    def body(self, x: Tensor, conv: Conv) -> Tensor:
        return cascade(x, (self.b1, self.b2, self.b3), (self.c1, self.c2, self.c3), conv)

    def tail(self, features: Tensor, image: Tensor, conv: PictureConv) -> Tensor:
        return conv.to_map(conv(self.exit, self.upsampler(features, conv))) + mean_colour(image)


def check_mean(weights: Weights) -> None:
    """Raise ValueError where a checkpoint was trained with another mean colour, which `head` does not take off."""
    ours = torch.tensor(RGB_MEAN)
    for name, sign in (("sub_mean", -1), ("add_mean", 1)):
        mean = sign * weights.get(f"{name}.shifter.bias", sign * ours).float()
        if not torch.allclose(mean, ours, rtol=0, atol=MEAN_ERROR):
            raise ValueError(f"its mean colour is {mean.tolist()}, not {RGB_MEAN}")


def upsamplers(weights: Weights) -> dict[int, str]:
    """Find the scales of the upsamplers in a checkpoint, and the prefixes of their weights."""
    factors: dict[str, float] = {}
    for name, value in weights.items():
        if name.startswith("upsample.up") and name.endswith(".weight"):
            prefix = name.partition("body.")[0]
            factors[prefix] = factors.get(prefix, 1.0) * math.sqrt(len(value) / CHANNELS)
    return {round(factor): prefix for prefix, factor in factors.items()}
