"""The operators of the domain `amsr` as PyTorch references: clear, slow, and the definition that all other forms match.

While a model is exported, each call becomes one ONNX node of the domain instead (docs/operators.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from amsr_deploy.descriptor import DOMAIN
from amsr_deploy.models.activation import attributes as activation_attributes
from amsr_deploy.models.activation import finish, suffix

VERSION = 1
SEPARATE = -100.0
"""Added to the attention between pixels that the cyclic shift brought together from opposite sides of the image."""
_PLUGIN = {"plugin_namespace": DOMAIN, "plugin_version": str(VERSION)}  # read by TensorRT's parser


def _node(
    name: str, inputs: Sequence[Tensor], shape: Sequence[int], dtype: torch.dtype, **attributes: int | float
) -> Tensor:
    return torch.onnx.ops.symbolic(
        f"{DOMAIN}::{name}", inputs, {**attributes, **_PLUGIN}, dtype=dtype, shape=shape, version=VERSION
    )


def _sum_node(
    name: str,
    inputs: tuple[Tensor, ...],
    activation: nn.Module | None,
    residual: Tensor | None,
    shape: Sequence[int],
    **attributes: int | float,
) -> Tensor:
    """Add the node of a convolution: its name ends with its epilogue, its last input is the residual."""
    if residual is not None:
        inputs, shape = (*inputs, residual), residual.shape
    name += suffix(activation, residual is not None)
    return _node(name, inputs, shape, inputs[0].dtype, **attributes, **activation_attributes(activation))


def size_of(features: Tensor) -> Tensor:
    """Return height and width of [N, C, H, W] as int64 [2]."""
    if torch.onnx.is_in_onnx_export():
        return torch.onnx.ops.symbolic("Shape", (features,), {"start": 2, "end": 4}, dtype=torch.int64, shape=(2,))
    return torch.tensor(features.shape[2:], dtype=torch.int64)


def mask_gather(pixels: Tensor, index: Tensor) -> Tensor:
    """Gather the masked pixels, one row each: pixels [P, C], index [Q] int64 -> rows [Q, C]."""
    if torch.onnx.is_in_onnx_export():
        return _node("MaskGather", (pixels, index), (index.shape[0], pixels.shape[1]), pixels.dtype)
    return pixels[index]


def mask_scatter(rows: Tensor, pixels: Tensor, index: Tensor) -> Tensor:
    """Write the rows [Q, C] to the positions index [Q] of pixels [P, C] -> pixels [P, C]."""
    if torch.onnx.is_in_onnx_export():
        return _node("MaskScatter", (rows, pixels, index), pixels.shape, pixels.dtype)
    return pixels.index_copy(0, index, rows)


def mask_neighbors(index: Tensor, size: Tensor, kernel_size: int = 3) -> Tensor:
    """Find the neighbours of each masked pixel: once per image, for every convolution.

    Args:
        index: [Q] int64, row-major positions of the masked pixels.
        size: [2] int64, height and width; P = height * width.
        kernel_size: side k of the convolutions, odd.

    Returns:
        [Q, k * k] int32: j < Q is row j, Q + p surround pixel p, Q + P the zero outside the image. Of several equal
        entries of the index, the last one is named.
    """
    if torch.onnx.is_in_onnx_export():
        shape = (index.shape[0], kernel_size * kernel_size)
        return _node("MaskNeighbors", (index, size), shape, torch.int32, kernel_size=kernel_size)
    height, width = int(size[0]), int(size[1])
    rows, pixels, radius = len(index), height * width, kernel_size // 2
    table = torch.arange(rows, rows + pixels)
    table[index] = torch.arange(rows)
    padded = F.pad(table.view(height, width), (radius,) * 4, value=rows + pixels)
    offsets = torch.arange(kernel_size)
    y = (index // width)[:, None, None] + offsets[:, None]
    x = (index % width)[:, None, None] + offsets[None, :]
    return padded[y, x].flatten(1).to(torch.int32)


def masked_conv2d(
    rows: Tensor,
    surround: Tensor,
    neighbors: Tensor,
    weight: Tensor,
    bias: Tensor,
    groups: int = 1,
    activation: nn.Module | None = None,
    residual: Tensor | None = None,
) -> Tensor:
    """Convolve at the masked pixels only (Eq. 4), and apply the activation.

    Args:
        rows: [Q, Ci], the masked pixels' features.
        surround: [P, Ci], what unmasked pixels show.
        neighbors: [Q, k * k] int32 from `mask_neighbors`.
        weight: [Co, Ci / groups, k, k].
        bias: [Co].
        groups: groups of the convolution.
        activation: as `activation.finish` takes it.
        residual: [Q, Co], likewise.

    Returns:
        [Q, Co].
    """
    if torch.onnx.is_in_onnx_export():
        inputs = (rows, surround, neighbors, weight, bias)
        shape = (rows.shape[0], weight.shape[0])
        return _sum_node("MaskedConv2d", inputs, activation, residual, shape, group=groups)
    features = torch.cat((rows, surround, rows.new_zeros(1, rows.shape[1])))
    kernels = weight.reshape(groups, weight.shape[0] // groups, -1)
    windows = features[neighbors.long()].transpose(1, 2).reshape(len(rows), groups, kernels.shape[2])
    return finish(torch.einsum("qgi,goi->qgo", windows, kernels).flatten(1) + bias, activation, residual)


def pointwise(
    rows: Sequence[Tensor],
    weight: Tensor,
    bias: Tensor,
    activation: nn.Module | None = None,
    residual: Tensor | None = None,
) -> Tensor:
    """Convolve up to four tensors by 1x1, as if they were concatenated, and apply the activation.

    Args:
        rows: 1 to 4 tensors [Q, C]; one where there is a residual.
        weight: [Co, len(rows) * C].
        bias: [Co].
        activation: as in `masked_conv2d`, a leaky ReLU or none.
        residual: as in `masked_conv2d`.

    Returns:
        [Q, Co].
    """
    assert residual is None or len(rows) == 1, "no operator adds a residual to merged inputs"
    if torch.onnx.is_in_onnx_export():
        name = "Pointwise" if len(rows) == 1 else f"Pointwise{len(rows)}"
        shape = (rows[0].shape[0], weight.shape[0])
        return _sum_node(name, (*rows, weight, bias), activation, residual, shape)
    return finish(F.linear(torch.cat(tuple(rows), dim=1), weight, bias), activation, residual)


def pixel_conv2d(
    pixels: Tensor,
    size: Tensor,
    weight: Tensor,
    bias: Tensor,
    groups: int = 1,
    activation: nn.Module | None = None,
    upscale: int = 1,
    residual: Tensor | None = None,
) -> Tensor:
    """Convolve at every pixel, zero outside the image; shuffle the pixels and apply the activation.

    Args:
        pixels: [P, Ci], row by row; P = height * width.
        size: [2] int64, height and width.
        weight: [Co, Ci / groups, k, k], k odd.
        bias: [Co].
        groups: groups of the convolution.
        activation: as in `masked_conv2d`, a leaky ReLU or none.
        upscale: factor r of the pixel shuffle, 1 for none; Co is a multiple of r * r.
        residual: shaped as the result; as in `masked_conv2d`.

    Returns:
        [P * r * r, Co / (r * r)], the pixels of the image of r * height rows, in the order of `torch.pixel_shuffle`.
    """
    if torch.onnx.is_in_onnx_export():
        shape = (pixels.shape[0] * upscale**2, weight.shape[0] // upscale**2)
        inputs = (pixels, size, weight, bias)
        return _sum_node("PixelConv2d", inputs, activation, residual, shape, group=groups, upscale=upscale)
    return finish(_shuffled_sums(pixels, size, weight, bias, groups, upscale), activation, residual)


def pixel_conv2d_add_nearest(
    pixels: Tensor,
    size: Tensor,
    weight: Tensor,
    bias: Tensor,
    upscale: int,
    residual: Tensor,
    groups: int = 1,
    activation: nn.Module | None = None,
) -> Tensor:
    """Run `pixel_conv2d` and add the nearest-neighbour enlargement of a residual.

    Args:
        pixels: as in `pixel_conv2d`, and so are the arguments up to `upscale`.
        size: [2] int64.
        weight: [Co, Ci / groups, k, k].
        bias: [Co].
        upscale: factor r.
        residual: [P, Co / (r * r)]; what belongs to a pixel is added to all r * r that it becomes.
        groups: groups of the convolution.
        activation: a leaky ReLU or none.
    """
    if torch.onnx.is_in_onnx_export():
        shape = (pixels.shape[0] * upscale**2, weight.shape[0] // upscale**2)
        inputs = (pixels, size, weight, bias, residual)
        attributes = {"group": groups, "upscale": upscale, **activation_attributes(activation)}
        return _node("PixelConv2dAddNearest", inputs, shape, pixels.dtype, **attributes)
    height, width = int(size[0]), int(size[1])
    lines = residual.reshape(height, 1, width, 1, -1).expand(-1, upscale, -1, upscale, -1)
    sums = _shuffled_sums(pixels, size, weight, bias, groups, upscale)
    return finish(sums, activation, lines.reshape(-1, residual.shape[1]))


def _shuffled_sums(pixels: Tensor, size: Tensor, weight: Tensor, bias: Tensor, groups: int, upscale: int) -> Tensor:
    """Convolve pixels [P, Ci] and shuffle the sums -> [P * r * r, Co / (r * r)]."""
    features = pixels.transpose(0, 1).reshape(1, -1, int(size[0]), int(size[1]))
    sums = F.conv2d(features, weight, bias, padding=weight.shape[2] // 2, groups=groups)
    return F.pixel_shuffle(sums, upscale).flatten(2).squeeze(0).transpose(0, 1)


def window_pixels(windows: Tensor, size: Tensor, window_size: int, shift: int) -> Tensor:
    """Compute the row-major positions [M, window_size ** 2] of the pixels of windows [M] of an image of size [2]."""
    height, width = size[0], size[1]
    across = width // window_size
    inside = torch.arange(window_size)
    y = ((windows // across)[:, None] * window_size + inside + shift) % height
    x = ((windows % across)[:, None] * window_size + inside + shift) % width
    return (y[:, :, None] * width + x[:, None, :]).flatten(1)


def shift_mask(windows: Tensor, count: int, across: int, window_size: int, shift: int, dtype: torch.dtype) -> Tensor:
    """Make what shifted layers add to the attention of windows [M]: [M, 1, N, N], 0 or SEPARATE; N = window_size ** 2.

    The cyclic shift brings opposite sides of the image together in the last row and the last column of windows.

    Args:
        windows: numbers of the windows.
        count: number of windows of the image.
        across: number of windows side by side.
        window_size: side of a window.
        shift: cyclic shift in pixels.
        dtype: type of the result.
    """
    last_row = windows >= count - across
    last_column = torch.remainder(windows + 1, torch.scalar_tensor(across, dtype=windows.dtype)) == 0
    wrapped = torch.arange(window_size, device=windows.device) >= window_size - shift
    rows, columns = wrapped.repeat_interleave(window_size), wrapped.repeat(window_size)
    other_row, other_column = (side[:, None] ^ side[None, :] for side in (rows, columns))
    apart = (last_row[:, None, None] & other_row) | (last_column[:, None, None] & other_column)
    return apart[:, None].to(dtype) * SEPARATE


class WindowLayerWeights(NamedTuple):
    """The weights of a Transformer layer of SwinIR, in the order of the operator's inputs; N = window_size ** 2."""

    norm1_weight: Tensor  # [C]
    norm1_bias: Tensor  # [C]
    qkv_weight: Tensor  # [3C, C]: query, key and value, each of all heads
    qkv_bias: Tensor  # [3C]
    position_bias: Tensor  # [heads, N, N], added to the attention
    proj_weight: Tensor  # [C, C]
    proj_bias: Tensor  # [C]
    norm2_weight: Tensor  # [C]
    norm2_bias: Tensor  # [C]
    fc1_weight: Tensor  # [F, C]
    fc1_bias: Tensor  # [F]
    fc2_weight: Tensor  # [C, F]
    fc2_bias: Tensor  # [C]


def window_layer(
    pixels: Tensor,
    windows: Tensor,
    size: Tensor,
    weights: WindowLayerWeights,
    window_size: int = 8,
    shift: int = 0,
    heads: int = 6,
    epsilon: float = 1e-5,
) -> Tensor:
    """Run a Transformer layer of SwinIR on the kept windows (Eq. 6).

    Attention, then an MLP, each after a layer normalisation and with a shortcut around both.

    Args:
        pixels: [P, C], C a multiple of heads.
        windows: [M] int64, row-major numbers of the kept windows on the image rolled by -shift. A number may be
            repeated right after itself, which changes nothing.
        size: [2] int64, height and width, multiples of window_size.
        weights: of the layer; in ONNX each is an input of its own.
        window_size: side of a window.
        shift: cyclic shift in pixels, in [0, window_size); above 0 pixels from opposite sides of the image do not
            attend to each other.
        heads: attention heads.
        epsilon: added to the variance in the layer normalisations.

    Returns:
        [P, C]; pixels outside the kept windows as they were.
    """
    if torch.onnx.is_in_onnx_export():
        attributes = {"window_size": window_size, "shift": shift, "heads": heads, "epsilon": epsilon}
        return _node("WindowLayer", (pixels, windows, size, *weights), pixels.shape, pixels.dtype, **attributes)
    w = weights
    channels = pixels.shape[1]
    down, across = (int(side) // window_size for side in size)
    positions = window_pixels(windows, size, window_size, shift)
    tokens = pixels[positions]
    normalised = F.layer_norm(tokens, (channels,), w.norm1_weight, w.norm1_bias, epsilon)
    qkv = F.linear(normalised, w.qkv_weight, w.qkv_bias)
    split = qkv.reshape(*tokens.shape[:2], 3, heads, channels // heads)
    query, key, value = split.permute(2, 0, 3, 1, 4).unbind(0)
    attention = (query * (channels // heads) ** -0.5) @ key.transpose(-2, -1) + w.position_bias
    attention = attention + shift_mask(windows, down * across, across, window_size, shift, attention.dtype)
    mixed = attention.softmax(dim=-1) @ value
    tokens = tokens + F.linear(mixed.transpose(1, 2).flatten(2), w.proj_weight, w.proj_bias)
    normalised = F.layer_norm(tokens, (channels,), w.norm2_weight, w.norm2_bias, epsilon)
    tokens = tokens + F.linear(F.gelu(F.linear(normalised, w.fc1_weight, w.fc1_bias)), w.fc2_weight, w.fc2_bias)
    return pixels.index_copy(0, positions.flatten(), tokens.flatten(0, 1))
