"""The batches of a run, of which each process takes its share."""

from __future__ import annotations

import torch

from amsr_deploy.training.data import DRAWS, Batch, PatchSampler

SEED_STRIDE = 1_000_003
"""Keeps the batches of runs with neighbouring seeds apart."""


class Batches:
    """Crops batches; the seed and the number of a step decide what is in them.

    Attributes:
        sampler: what crops them.
    """

    def __init__(self, sampler: PatchSampler, size: int, share: slice, seed: int) -> None:
        """Take a sampler.

        Args:
            sampler: what crops them.
            size: patches of a batch, over all processes together.
            share: those of this process.
            seed: that of the run.
        """
        self.sampler = sampler
        self._size, self._share, self._seed = size, share, seed
        self._draws = torch.zeros(len(range(size)[share]), DRAWS, dtype=torch.float64, device=sampler.device)

    def choose(self, step: int) -> None:
        """Let `crop` give the batch of a step, counted from 0, without waiting for the device."""
        generator = torch.Generator().manual_seed(self._seed * SEED_STRIDE + step)
        numbers = self.sampler.numbers(self._size, generator)[self._share]
        self._draws.copy_(numbers, non_blocking=True)

    def crop(self) -> Batch:
        """Crop this process's share of the batch; what decides it keeps its address, so that a graph can capture it."""
        return self.sampler.crop(self._draws)
