"""Training pictures: decoded once, kept on the device as uint8, cut into patches there (design section 2.4).

All pictures lie one after the other in flat buffers, so that a batch is three gathers, whatever its pictures.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from amsr_deploy.descriptor import SCALE
from amsr_deploy.errors import TrainingError
from amsr_deploy.training import masks

REDUCTIONS = (1.0, 0.75, 0.5)
"""HR pictures also enter smaller, which makes their texture denser."""
SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"})
GRID = 8
"""Patches start within a cell of this many LR pixels, drawn by the detail around it."""
FLAT_WEIGHT = 0.1
"""Weight of a flat cell relative to the average one, so that skies are not forgotten."""


@dataclass(frozen=True)
class Batch:
    """Patches: lr [N, 3, s, s] and hr [N, 3, 4s, 4s] float32 in [0, 1], mask [N, 1, s, s] bool."""

    lr: Tensor
    hr: Tensor
    mask: Tensor


class PatchSampler:
    """Draws augmented patches from a folder of pictures.

    Attributes:
        skipped: one line for each picture that could not be used, and why.
    """

    def __init__(self, paths: Iterable[Path], patch_size: int = 32, device: torch.device | str = "cpu") -> None:
        """Decode the pictures, make their LR versions (Pillow's bicubic) and whole-image masks.

        Args:
            paths: HR pictures.
            patch_size: side of an LR patch in pixels.
            device: where pictures live and patches are cut.

        Raises:
            TrainingError: no usable picture.
        """
        self.patch_size = patch_size
        self.device = torch.device(device)
        self.skipped: list[str] = []
        hr, lr, split, sizes = [], [], [], []
        for path in paths:
            for picture in self._variants(path):
                small = picture.resize((picture.width // SCALE, picture.height // SCALE), Image.Resampling.BICUBIC)
                pixels = torch.from_numpy(np.array(small)).to(self.device)
                hr.append(torch.from_numpy(np.array(picture)).to(self.device).flatten(0, 1))
                lr.append(pixels.flatten(0, 1))
                split.append(_split(pixels))
                sizes.append((small.height, small.width))
        if not sizes:
            raise TrainingError("no usable picture for training; " + "; ".join(self.skipped or ["the folder is empty"]))
        self.hr, self.lr = torch.cat(hr), torch.cat(lr)
        self.split = split
        self.sizes = torch.tensor(sizes, device=self.device)
        areas = self.sizes.prod(dim=1)
        self.starts = areas.cumsum(0) - areas
        self._cells, weights = self._weigh_cells(split)
        self._cumulative = weights.double().cumsum(0)
        self.set_dilation(1)

    def _variants(self, path: Path) -> list[Image.Image]:
        """The picture, cropped to a multiple of the scale, at each reduction that still holds a patch."""
        try:
            with Image.open(path) as file:
                picture = file.convert("RGB")
        except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
            self.skipped.append(f"{path}: cannot be read ({error})")
            return []
        variants = []
        for reduction in REDUCTIONS:
            width, height = (int(side * reduction) // SCALE * SCALE for side in picture.size)
            if min(width, height) < self.patch_size * SCALE:
                continue
            box = (0, 0, width / reduction, height / reduction)
            variants.append(picture.resize((width, height), Image.Resampling.BICUBIC, box=box))
        if not variants:
            self.skipped.append(f"{path}: {picture.width}x{picture.height} is smaller than a patch")
        return variants

    def _weigh_cells(self, split: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Picture number, y and x of each cell [K, 3] and its weight [K]: the share of detail in the patch at it."""
        cells, weights = [], []
        for number, detail in enumerate(split):
            density = torch.nn.functional.avg_pool2d(detail[None, None].float(), self.patch_size, GRID)[0, 0]
            y, x = torch.meshgrid(
                *(torch.arange(side, device=self.device) * GRID for side in density.shape), indexing="ij"
            )
            cells.append(torch.stack((torch.full_like(y, number), y, x), dim=-1).flatten(0, 1))
            weights.append(density.flatten())
        weight = torch.cat(weights)
        return torch.cat(cells), weight + FLAT_WEIGHT * weight.mean() + 1e-6

    def set_dilation(self, dilation: int | None) -> None:
        """Dilate the masks of all pictures by a k x k square; None makes them all ones."""
        if dilation is None:
            self.mask = torch.ones(len(self.lr), dtype=torch.bool, device=self.device)
        else:
            self.mask = torch.cat([masks.dilate(detail, dilation).flatten() for detail in self.split])

    def draw(self, count: int, generator: torch.Generator) -> Batch:
        """A batch of patches, each flipped and turned at random.

        Args:
            count: number of patches.
            generator: source of randomness, on the CPU.
        """
        points = torch.rand(count, generator=generator, dtype=torch.float64).to(self.device) * self._cumulative[-1]
        picture, y, x = self._cells[torch.searchsorted(self._cumulative, points)].unbind(1)
        jitter = torch.randint(GRID, (2, count), generator=generator).to(self.device)
        height, width = self.sizes[picture].unbind(1)
        y = torch.minimum(y + jitter[0], height - self.patch_size)
        x = torch.minimum(x + jitter[1], width - self.patch_size)
        turns = torch.randint(2, (3, count, 1, 1), generator=generator, dtype=torch.bool).to(self.device)
        small = self.starts[picture][:, None, None] + _grid(y, x, width, self.patch_size, turns)
        start = self.starts[picture][:, None, None] * SCALE**2
        large = start + _grid(y * SCALE, x * SCALE, width * SCALE, self.patch_size * SCALE, turns)
        return Batch(_images(self.lr[small]), _images(self.hr[large]), self.mask[small][:, None])


def _grid(y: Tensor, x: Tensor, width: Tensor, side: int, turns: Tensor) -> Tensor:
    """Positions [N, side, side] of patches at (y, x) [N] in pictures of the given widths, flipped and transposed."""
    flip_y, flip_x, transpose = turns
    rows, columns = torch.meshgrid(*(torch.arange(side, device=y.device),) * 2, indexing="ij")
    rows, columns = torch.where(transpose, columns, rows), torch.where(transpose, rows, columns)
    rows = torch.where(flip_y, side - 1 - rows, rows)
    columns = torch.where(flip_x, side - 1 - columns, columns)
    return (y[:, None, None] + rows) * width[:, None, None] + x[:, None, None] + columns


def _images(pixels: Tensor) -> Tensor:
    """uint8 [N, H, W, 3] -> float32 [N, 3, H, W] in [0, 1], channels last in memory."""
    return pixels.permute(0, 3, 1, 2).float() / 255


def _split(pixels: Tensor) -> Tensor:
    """The undilated mask [H, W] of an LR picture [H, W, 3] uint8."""
    return masks.compute_mask(pixels.permute(2, 0, 1).float() / 255, dilation=1)


def picture_paths(folder: Path) -> list[Path]:
    """The pictures directly in a folder, by name.

    Raises:
        TrainingError: not a folder, or no picture in it.
    """
    if not folder.is_dir():
        raise TrainingError(f"{folder} is not a folder; give a folder of HR pictures")
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    if not paths:
        raise TrainingError(f"{folder} holds no picture ({', '.join(sorted(SUFFIXES))})")
    return paths
