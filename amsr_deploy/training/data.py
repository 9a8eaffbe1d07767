"""Training patches, cropped on the device where the pictures live as uint8 (docs/training.md).

All pictures lie one after the other in flat buffers, so that a batch is three gathers, whatever its pictures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from amsr_deploy.image.arrays import to_float
from amsr_deploy.mask import compute_mask, dilate
from amsr_deploy.training.pictures import Pair

GRID = 8
"""Side of a cell in LR pixels: patches start within cells, sampled by the contrast of the patch at their corner."""
FLAT_WEIGHT = 0.1
"""Weight of a flat cell relative to the average one, so that flat areas are sampled too."""
DRAWS = 8
"""Random numbers that decide a patch: cell, place in the cell (2), flips (2), transposition, order of colours (2)."""
ORDERS = (*permutations(range(3)), (0, 0, 0), (1, 1, 1), (2, 2, 2))
"""The orders of three colours, the usual one first, and one colour in place of all: grey."""


@dataclass(frozen=True)
class Batch:
    """Patches: lr [N, 3, P, P] and hr [N, 3, sP, sP] float32 in [0, 1], mask [N, 1, P, P] bool."""

    lr: Tensor
    hr: Tensor
    mask: Tensor


class PatchSampler:
    """Samples augmented patches from pictures.

    Attributes:
        dilation: of the masks, see `set_dilation`.
    """

    def __init__(
        self,
        pairs: list[Pair],
        patch_size: int = 32,
        texture: bool = True,
        device: torch.device | str = "cpu",
        permuted: float = 0.0,
        synthetic: float = 0.0,
    ) -> None:
        """Move the pictures to the device, and make the masks of whole LR pictures.

        Args:
            pairs: pictures of at least a patch each; the list is emptied, so that no picture is in memory twice.
            patch_size: side of an LR patch in pixels, a multiple of GRID.
            texture: sample places by their local contrast; false samples them uniformly.
            device: where pictures live and patches are cropped.
            permuted: share of patches whose colours come in one of ORDERS; a ninth of it has the usual order.
            synthetic: share of patches from synthetic pictures, where there are any.
        """
        self.patch_size, self.permuted = patch_size, permuted
        self.scale = len(pairs[0].hr) // len(pairs[0].lr)
        self.device = torch.device(device)
        self.lr = torch.from_numpy(np.concatenate([pair.lr.reshape(-1, 3) for pair in pairs])).to(self.device)
        self.detail = [compute_mask(to_float(pair.lr), dilation=1).pixels for pair in pairs]
        is_synthetic = torch.tensor([pair.is_synthetic for pair in pairs], device=self.device)
        self.hr = take_hr(pairs, self.device)
        shapes = [detail.shape for detail in self.detail]
        self.sizes = torch.tensor(shapes, device=self.device)
        areas = self.sizes.prod(dim=1)
        self.starts = areas.cumsum(0) - areas
        parts = torch.split(self.lr, areas.tolist())
        contrast = [local_contrast(part.view(*shape, 3), patch_size) for part, shape in zip(parts, shapes, strict=True)]
        self._cells = torch.cat([self._corners(number, values) for number, values in enumerate(contrast)])
        weight = torch.cat([values.flatten() for values in contrast]) if texture else torch.ones(len(self._cells))
        drawn = is_synthetic[self._cells[:, 0]]
        self._cumulative = cell_weights(weight.to(self.device, torch.float64), drawn, synthetic).cumsum(0)
        self._orders = torch.tensor(ORDERS, device=self.device)
        self.mask = torch.empty(len(self.lr), dtype=torch.bool, device=self.device)
        self.set_dilation(1)

    def _corners(self, number: int, cells: Tensor) -> Tensor:
        """List picture number, y and x [K, 3] of the cells of a picture."""
        y, x = torch.meshgrid(*(torch.arange(side, device=self.device) * GRID for side in cells.shape), indexing="ij")
        return torch.stack((torch.full_like(y, number), y, x), dim=-1).flatten(0, 1)

    def set_dilation(self, dilation: int | None) -> None:
        """Dilate the masks of all pictures by a k x k square, in place; None makes them all ones."""
        self.dilation = dilation
        if dilation is None:
            self.mask.fill_(True)
        else:
            grown = np.concatenate([dilate(detail, dilation).ravel() for detail in self.detail])
            self.mask.copy_(torch.from_numpy(grown))

    def numbers(self, count: int, generator: torch.Generator) -> Tensor:
        """Draw the random numbers [count, DRAWS], on the CPU, that decide a batch: those of each patch in its row."""
        pinned = self.device.type == "cuda"  # the processor need not wait for their copy then
        return torch.rand(count, DRAWS, generator=generator, dtype=torch.float64, pin_memory=pinned)

    def crop(self, draws: Tensor) -> Batch:
        """Crop the patches that random numbers [N, DRAWS] on the device choose, without waiting for the device."""
        cell, down, right, *turns, permutation, order = draws.unbind(1)
        number = torch.searchsorted(self._cumulative, cell * self._cumulative[-1])
        picture, y, x = self._cells[number.clamp_(max=len(self._cells) - 1)].unbind(1)
        height, width = self.sizes[picture].unbind(1)
        y = torch.minimum(y + (down * GRID).long(), height - self.patch_size)
        x = torch.minimum(x + (right * GRID).long(), width - self.patch_size)
        turned = [turn < 0.5 for turn in turns]
        start, side = self.starts[picture], self.patch_size
        small = _grid(start, y, x, width, side, turned)
        s = self.scale
        large = _grid(start * s**2, y * s, x * s, width * s, side * s, turned)
        mask = _take(self.mask, small)[:, None]
        orders = self._orders[(order * len(ORDERS)).long() * (permutation < self.permuted)]
        lr, hr = (permute(_take(pixels, grid), orders) for pixels, grid in ((self.lr, small), (self.hr, large)))
        return Batch(channels_first(lr), channels_first(hr), mask)


def take_hr(pairs: list[Pair], device: torch.device) -> Tensor:
    """Move the HR pictures out of a list, one after the other, to a flat buffer [P, 3] on a device."""
    lengths = [pair.hr.size // 3 for pair in pairs]
    flat = torch.empty(sum(lengths), 3, dtype=torch.uint8, device=device)
    for part in reversed(torch.split(flat, lengths)):
        part.copy_(torch.from_numpy(pairs.pop().hr).view(-1, 3))
    return flat


def cell_weights(contrast: Tensor, is_synthetic: Tensor, synthetic: float) -> Tensor:
    """Weight each cell [K] by its contrast; synthetic pictures get their share of all patches."""
    weight = contrast + FLAT_WEIGHT * contrast.mean() + 1e-6
    photos, drawn = weight[~is_synthetic].sum(), weight[is_synthetic].sum()
    share = synthetic / (1 - synthetic) * photos / drawn
    return torch.where(is_synthetic, weight * share, weight)


def permute(pixels: Tensor, orders: Tensor) -> Tensor:
    """Reorder the colours of pixels [N, H, W, 3], in an order [N, 3] for each picture."""
    return pixels.gather(3, orders[:, None, None].expand(pixels.shape))


def local_contrast(pixels: Tensor, patch_size: int) -> Tensor:
    """Compute the standard deviation of luma of [H, W, 3] uint8 in the patch at each cell's corner: [K, L]."""
    luma: Tensor = pixels.float() @ pixels.new_tensor([0.299, 0.587, 0.114], dtype=torch.float32)
    luma = (luma - luma.mean()) / 255  # centred, so that the difference of squares keeps its digits
    moments = F.avg_pool2d(torch.stack((luma, luma**2)), GRID)
    mean, square = F.avg_pool2d(moments, patch_size // GRID, stride=1)
    contrast: Tensor = (square - mean**2).clamp_(min=0).sqrt_()
    return contrast


def _grid(start: Tensor, y: Tensor, x: Tensor, width: Tensor, side: int, turns: Sequence[Tensor]) -> Tensor:
    """Compute the positions of patches in a flat buffer, flipped and transposed.

    Args:
        start: [N] where their pictures begin.
        y: [N] first row in the picture.
        x: [N] first column.
        width: [N] of the pictures.
        side: side of a patch.
        turns: three [N] bool, whether to turn rows around, columns around, and both against each other.

    Returns:
        [N, side, side] int64.
    """
    flip_y, flip_x, transpose = (turn[:, None] for turn in turns)
    ahead = torch.arange(side, device=y.device)
    rows = start[:, None] + (y[:, None] + torch.where(flip_y, side - 1 - ahead, ahead)) * width[:, None]
    columns = x[:, None] + torch.where(flip_x, side - 1 - ahead, ahead)
    down, across = torch.where(transpose, columns, rows), torch.where(transpose, rows, columns)
    return down[:, :, None] + across[:, None, :]


def _take(buffer: Tensor, positions: Tensor) -> Tensor:
    """Take elements of a flat buffer [P, ...] at positions [N, H, W]."""
    return buffer.index_select(0, positions.flatten()).view(*positions.shape, *buffer.shape[1:])


def channels_first(pixels: Tensor) -> Tensor:
    """Convert uint8 [..., H, W, 3] -> float32 [..., 3, H, W] in [0, 1], channels last in memory."""
    return pixels.movedim(-1, -3).float() / 255
