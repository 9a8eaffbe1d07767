"""SwinIR light (Liang et al., "SwinIR: Image Restoration Using Swin Transformer", 2021), with masked windows.

60 channels, 4 x 6 layers, 6 heads, window 8, MLP ratio 2, pixelshuffledirect. Weights are named as its authors name
them. What the windows are (all of them, or the kept ones) and how a layer runs on them is decided by a `Windows`
object, so that one description serves all three forms.
"""

from __future__ import annotations

from typing import Any, ClassVar, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from amsr_deploy.descriptor import describe
from amsr_deploy.models import operators
from amsr_deploy.models.backbone import Backbone, Weights, mean_colour, shuffled_scale
from amsr_deploy.models.masked import DenseConv, PictureConv, PixelConv, convolutions
from amsr_deploy.models.start import carry_colours, upsample_colours

DESCRIPTOR = describe("swinir")
WINDOW = DESCRIPTOR.window_size
SHIFT = WINDOW // 2
CHANNELS, HEADS, LAYERS, BLOCKS = 60, 6, 6, 4


class Windows(Protocol):
    """Runs the parts of the network in one of the three forms. Layers exchange features with channels last."""

    @property
    def conv(self) -> PictureConv:
        """Runs the convolutions of head and tail."""

    def channels_last(self, features: Tensor) -> Tensor:
        """Bring what a convolution puts out into the form that layers exchange."""

    def channels_first(self, features: Tensor) -> Tensor:
        """Return from the form of the layers to that of convolutions: the inverse of `channels_last`."""

    def convolve(self, layer: nn.Conv2d, features: Tensor, shortcut: Tensor) -> Tensor:
        """Run the convolution at the end of a block, and add the shortcut around it."""

    def normalise(self, norm: nn.LayerNorm, features: Tensor) -> Tensor:
        """Apply a layer normalisation."""

    def transform(self, layer: SwinLayer, features: Tensor) -> Tensor:
        """Run a layer."""


class AllWindows:
    """Dense form; with a mask the training form (Eq. 5): all windows are computed, those not kept are put back.

    Layers exchange maps [N, H, W, C].
    """

    def __init__(self, image: Tensor, mask: Tensor | None, threshold: float) -> None:
        self.conv = DenseConv()
        batch, _, height, width = image.shape
        down, across = height // WINDOW, width // WINDOW
        windows = torch.arange(down * across, device=image.device)
        mask_of_shift = operators.shift_mask(windows, down * across, across, WINDOW, SHIFT, image.dtype)
        self.shift_masks: dict[int, Tensor | None] = {0: None, SHIFT: mask_of_shift.repeat(batch, 1, 1, 1)}
        self.kept: dict[int, Tensor] = {}
        if mask is not None:
            self.kept = {shift: keep_pixels(mask, threshold, shift) for shift in (0, SHIFT)}

    def channels_last(self, features: Tensor) -> Tensor:
        return features.permute(0, 2, 3, 1)

    def channels_first(self, features: Tensor) -> Tensor:
        return features.permute(0, 3, 1, 2)

    def convolve(self, layer: nn.Conv2d, features: Tensor, shortcut: Tensor) -> Tensor:
        return shortcut + self.channels_last(layer(self.channels_first(features)))

    def normalise(self, norm: nn.LayerNorm, features: Tensor) -> Tensor:
        return norm(features)

    def transform(self, layer: SwinLayer, features: Tensor) -> Tensor:
        tokens = layer.transform(self.gather(features, layer.shift), self.shift_masks[layer.shift])
        return self.scatter(tokens, features, layer.shift)

    def gather(self, features: Tensor, shift: int) -> Tensor:
        """Gather the tokens [M, 64, C] of all windows."""
        batch, height, width, channels = features.shape
        rolled = torch.roll(features, (-shift, -shift), (1, 2)) if shift else features
        blocks = rolled.view(batch, height // WINDOW, WINDOW, width // WINDOW, WINDOW, channels)
        return blocks.transpose(2, 3).reshape(-1, WINDOW**2, channels)

    def scatter(self, tokens: Tensor, features: Tensor, shift: int) -> Tensor:
        """Put the tokens [M, 64, C] of kept windows into the features."""
        batch, height, width, channels = features.shape
        blocks = tokens.view(batch, height // WINDOW, width // WINDOW, WINDOW, WINDOW, channels)
        rolled = blocks.transpose(2, 3).reshape(features.shape)
        result = torch.roll(rolled, (shift, shift), (1, 2)) if shift else rolled
        return torch.where(self.kept[shift], result, features) if self.kept else result


class KeptWindows:
    """Inference form: only the kept windows are computed. Layers exchange pixels [P, C]."""

    def __init__(self, image: Tensor, windows: Tensor, shifted_windows: Tensor) -> None:
        self.conv = PixelConv(image)
        self.size = self.conv.size
        self.windows = {0: windows, SHIFT: shifted_windows}

    def channels_last(self, features: Tensor) -> Tensor:
        return features

    def channels_first(self, features: Tensor) -> Tensor:
        return features

    def convolve(self, layer: nn.Conv2d, features: Tensor, shortcut: Tensor) -> Tensor:
        return self.conv(layer, features, residual=shortcut)

    def normalise(self, norm: nn.LayerNorm, features: Tensor) -> Tensor:
        """Normalise in float32: ONNX Runtime has no bfloat16 kernel for it on the CPU."""
        weight, bias = norm.weight.float(), norm.bias.float()
        return F.layer_norm(features.float(), (CHANNELS,), weight, bias, norm.eps).to(features.dtype)

    def transform(self, layer: SwinLayer, features: Tensor) -> Tensor:
        windows = self.windows[layer.shift]
        return operators.window_layer(features, windows, self.size, layer.weights(), WINDOW, layer.shift, HEADS)


def keep_pixels(mask: Tensor, threshold: float, shift: int) -> Tensor:
    """Mark the pixels [N, H, W, 1] of windows whose share of masked pixels [N, 1, H, W] reaches the threshold."""
    rolled = torch.roll(mask, (-shift, -shift), (2, 3)).float()
    kept = (F.avg_pool2d(rolled, WINDOW) >= threshold).repeat_interleave(WINDOW, 2).repeat_interleave(WINDOW, 3)
    return torch.roll(kept, (shift, shift), (2, 3)).permute(0, 2, 3, 1)


def relative_positions() -> Tensor:
    """Compute the entry of the relative position bias table for each pair of pixels of a window: [64, 64] int64."""
    y, x = torch.meshgrid(torch.arange(WINDOW), torch.arange(WINDOW), indexing="ij")
    place = torch.stack((y.flatten(), x.flatten()))
    offset = place[:, :, None] - place[:, None, :] + WINDOW - 1
    return offset[0] * (2 * WINDOW - 1) + offset[1]


class WindowAttention(nn.Module):
    """Multi-head self-attention inside windows, with relative position bias."""

    relative_position_index: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.relative_position_bias_table = nn.Parameter(torch.zeros((2 * WINDOW - 1) ** 2, HEADS))
        nn.init.trunc_normal_(self.relative_position_bias_table, std=0.02)
        self.register_buffer("relative_position_index", relative_positions(), persistent=False)
        self.qkv = nn.Linear(CHANNELS, 3 * CHANNELS)
        self.proj = nn.Linear(CHANNELS, CHANNELS)

    def forward(self, tokens: Tensor, shift_mask: Tensor | None) -> Tensor:
        """Attend: tokens [M, 64, C]; shift mask [M, 1, 64, 64] in shifted layers -> [M, 64, C]."""
        qkv = self.qkv(tokens).unflatten(2, (3, HEADS, CHANNELS // HEADS)).permute(2, 0, 3, 1, 4)
        query, key, value = qkv.unbind(0)
        attention = (query * (CHANNELS // HEADS) ** -0.5) @ key.transpose(-2, -1) + self.position_bias()
        if shift_mask is not None:
            attention = attention + shift_mask
        mixed = attention.softmax(dim=-1).to(value.dtype) @ value
        return self.proj(mixed.transpose(1, 2).flatten(2))

    def position_bias(self) -> Tensor:
        """Return the bias of the attention by relative position: [heads, 64, 64]."""
        return self.relative_position_bias_table[self.relative_position_index].permute(2, 0, 1)


class MLP(nn.Module):
    """Two layers with GELU between."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(CHANNELS, 2 * CHANNELS), nn.Linear(2 * CHANNELS, CHANNELS)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.fc1(tokens)))


class SwinLayer(nn.Module):
    """Swin Transformer layer: attention and MLP on windows, each around a shortcut (Eq. 6)."""

    def __init__(self, shift: int) -> None:
        super().__init__()
        self.shift = shift
        self.norm1, self.norm2 = nn.LayerNorm(CHANNELS), nn.LayerNorm(CHANNELS)
        self.attn, self.mlp = WindowAttention(), MLP()

    def forward(self, x: Tensor, windows: Windows) -> Tensor:
        return windows.transform(self, x)

    def transform(self, tokens: Tensor, shift_mask: Tensor | None) -> Tensor:
        """Run the layer: tokens [M, 64, C]; shift mask [M, 1, 64, 64] in shifted layers -> [M, 64, C]."""
        tokens = tokens + self.attn(self.norm1(tokens), shift_mask)
        return tokens + self.mlp(self.norm2(tokens))

    def weights(self) -> operators.WindowLayerWeights:
        """Collect all weights, for the operator that runs the layer on kept windows."""
        norm1, attn, norm2, mlp = self.norm1, self.attn, self.norm2, self.mlp
        return operators.WindowLayerWeights(
            *(norm1.weight, norm1.bias, attn.qkv.weight, attn.qkv.bias),
            *(attn.position_bias(), attn.proj.weight, attn.proj.bias),
            *(norm2.weight, norm2.bias, mlp.fc1.weight, mlp.fc1.bias, mlp.fc2.weight, mlp.fc2.bias),
        )


class SwinGroup(nn.Module):
    """Layers of one block, every second one shifted."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(SwinLayer(shift=SHIFT * (i % 2)) for i in range(LAYERS))

    def forward(self, x: Tensor, windows: Windows) -> Tensor:
        for layer in self.blocks:
            x = layer(x, windows)
        return x


class RSTB(nn.Module):
    """Residual Swin Transformer block: a group of layers and a dense convolution, around a shortcut."""

    def __init__(self) -> None:
        super().__init__()
        self.residual_group = SwinGroup()
        self.conv = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1)

    def forward(self, x: Tensor, windows: Windows) -> Tensor:
        return windows.convolve(self.conv, self.residual_group(x, windows), shortcut=x)


class Normalization(nn.Module):
    """Holds the normalisation after the first convolution under its public name."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(CHANNELS)


class SwinIR(Backbone):
    """SwinIR light; the masked body is the Transformer layers, the convolutions stay dense."""

    SIGNATURE: ClassVar[tuple[str, ...]] = ("patch_embed.norm.weight", "conv_after_body.weight", "upsample.0.weight")
    UPSAMPLER: ClassVar[tuple[str, ...]] = ("upsample.",)
    UNUSED: ClassVar[tuple[str, ...]] = ("*.attn_mask", "*.relative_position_index")

    def __init__(self, scale: int = 4) -> None:
        super().__init__()
        self.scale = scale
        self.conv_first = nn.Conv2d(3, CHANNELS, 3, padding=1)
        self.patch_embed = Normalization()
        self.layers = nn.ModuleList(RSTB() for _ in range(BLOCKS))
        self.norm = nn.LayerNorm(CHANNELS)
        self.conv_after_body = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1)
        self.upsample = nn.Sequential(nn.Conv2d(CHANNELS, 3 * scale**2, 3, padding=1), nn.PixelShuffle(scale))
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)
        self._start_bilinear()

    @torch.no_grad()
    def _start_bilinear(self) -> None:
        """Start as a bilinear upsampling: the colours pass the body on the shortcut around it."""
        carry_colours(self.conv_first)
        self.conv_after_body.weight[:3] = 0
        self.conv_after_body.bias[:3] = 0  # type: ignore[index]
        upsample_colours(self.upsample[0], self.scale)  # type: ignore[arg-type]

    @classmethod
    def arguments(cls, weights: Weights) -> dict[str, Any]:
        return {"scale": shuffled_scale(weights["upsample.0.weight"])}

    @property
    def halo(self) -> int:
        return 4 * WINDOW

    @property
    def bytes_per_pixel(self) -> int:
        return 24_000

    @property
    def values_per_pixel(self) -> int:
        return HEADS * WINDOW**2  # the attention of a window's pixels to each other

    @property
    def picture_layer(self) -> nn.Conv2d:
        (upsample,) = convolutions(self.upsample)
        return upsample

    def compiled_parts(self) -> list[nn.Module]:
        """List the layers: to compile the whole network takes many minutes."""
        return [module for module in self.modules() if isinstance(module, SwinLayer)]

    def forward(self, image: Tensor, mask: Tensor | None = None, threshold: float = DESCRIPTOR.threshold) -> Tensor:
        """Upscale with all windows computed: dense, or blended with a mask as in training.

        Args:
            image: [N, 3, H, W] in [0, 1], H and W multiples of the window size.
            mask: [N, 1, H, W] bool, or None for the dense network.
            threshold: share of masked pixels from which a window is kept.

        Returns:
            [N, 3, sH, sW], not clamped.
        """
        return self.run(image, AllWindows(image, mask, threshold))

    def forward_dense(self, image: Tensor) -> Tensor:
        """Upscale [N, 3, H, W], H and W multiples of the window size, with the dense network -> [N, 3, sH, sW]."""
        return self.run(image, AllWindows(image, None, 0.0))

    def forward_compact(self, image: Tensor, windows: Tensor, shifted_windows: Tensor) -> Tensor:
        """Upscale with the kept windows computed only.

        Args:
            image: [1, 3, H, W] float32 in [0, 1], whatever the precision of the weights; H and W multiples of the
                window size.
            windows: [M] int64, kept windows of the unshifted layers.
            shifted_windows: [M'] int64, kept windows of the shifted layers.

        Returns:
            [1, 3, sH, sW] float32.
        """
        return self.run(image, KeptWindows(image, windows, shifted_windows))

    def run(self, image: Tensor, windows: Windows) -> Tensor:
        """Run the network on whole windows."""
        conv = windows.conv
        mean = mean_colour(image)
        shallow = conv(self.conv_first, conv.from_map(image - mean))
        x = windows.normalise(self.patch_embed.norm, windows.channels_last(shallow))
        for layer in self.layers:
            x = layer(x, windows)
        x = windows.normalise(self.norm, x)
        deep = conv(self.conv_after_body, windows.channels_first(x), residual=shallow)
        return conv.to_map(conv.upscaled(self.picture_layer, deep, self.scale)) + mean

    def masked_modules(self) -> list[nn.Module]:
        """List the modules that the mask thins out."""
        return [module for module in self.modules() if isinstance(module, SwinGroup)]
