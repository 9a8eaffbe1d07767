"""The density above which the dense network is faster than the masked one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from amsr_deploy.evaluation.bench.densities import mask_of_density
from amsr_deploy.evaluation.bench.networks import NetworkBench
from amsr_deploy.evaluation.bench.photos import Photo
from amsr_deploy.evaluation.bench.timing import Run, medians
from amsr_deploy.evaluation.bench.twins import ModelPair
from amsr_deploy.mask import high_frequencies
from amsr_deploy.runtime.selection import whole

DENSITIES = (0.3, 0.5, 0.7, 0.85, 1.0)
"""Shares of masked pixels at which masked and dense times are compared."""


@dataclass(frozen=True)
class Crossover:
    """Where masked and dense time meet.

    Attributes:
        name: of the pair of models.
        points: densities, as the network counts them, and masked time over dense time there.
        density: above it the dense network is faster; 1 is nowhere.
    """

    name: str
    points: list[tuple[float, float]]
    density: float


def find_crossover(
    pair: ModelPair, photos: Sequence[Photo], threads: int, repeats: int, step: Callable[[str], None]
) -> Crossover:
    """Measure a pair of models on masks of rising density, made of real photos by lowering the mask's threshold.

    Args:
        pair: the models.
        photos: what to upscale; flat ones are left out.
        threads: CPU threads that work on an operator.
        repeats: measurements whose median counts.
        step: takes a line on what is being done.

    Raises:
        AmsrError: models that cannot be used.
    """
    bench = NetworkBench(pair, threads)
    points: list[tuple[float, float]] = []
    for photo in photos:
        step(f"{pair.name} on {photo.name}")
        points += measure_ratios(bench, photo, repeats)
    return Crossover(pair.name, points, meeting_density(points))


def measure_ratios(bench: NetworkBench, photo: Photo, repeats: int) -> list[tuple[float, float]]:
    """Measure masked time over dense time at rising densities on a photo; nothing on a flat one."""
    pixels, batch = bench.prepare(photo)
    frequencies = high_frequencies(pixels)
    if frequencies is None:
        return []
    runs: dict[float | None, Run] = {None: partial(bench.dense.run, batch, {})}
    for density in DENSITIES:
        selection = bench.select_mask(mask_of_density(frequencies, density, bench.metadata.dilation))
        runs[selection.density] = partial(bench.masked.run, batch, whole(selection, pixels))
    times = medians(runs, repeats)
    dense = times.pop(None)
    return [(density, time / dense) for density, time in times.items() if density is not None]


def meeting_density(points: Sequence[tuple[float, float]]) -> float:
    """Find where the line through ratios over densities reaches 1, within [0, 1]; 1 without points.

    Masked time grows linearly with the density: a part that is always computed, and a share of the body.
    """
    if not points:
        return 1.0
    densities, ratios = np.array(points, dtype=np.float64).T
    slope, start = _line(densities, ratios)
    if slope <= 0:
        return 1.0 if ratios.mean() <= 1 else 0.0
    return float(np.clip((1 - start) / slope, 0, 1))


def _line(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[float, float]:
    """Fit slope and start of the least-squares line; a level one where all x are equal."""
    if np.ptp(x) == 0:
        return 0.0, float(y.mean())
    slope, start = np.polyfit(x, y, 1)
    return float(slope), float(start)
