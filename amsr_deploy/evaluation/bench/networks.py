"""A masked network against its dense twin, on photos."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from amsr_deploy.evaluation.bench.neighbors import NeighborTable
from amsr_deploy.evaluation.bench.openvino import OpenVinoModel
from amsr_deploy.evaluation.bench.peak_memory import peak_memory
from amsr_deploy.evaluation.bench.photos import Photo
from amsr_deploy.evaluation.bench.profiling import Kernel, profile
from amsr_deploy.evaluation.bench.timing import Run, medians
from amsr_deploy.evaluation.bench.twins import ModelPair, check_pair
from amsr_deploy.image.arrays import as_batch
from amsr_deploy.mask import compute_mask
from amsr_deploy.runtime.backends.base import SelectionInputs
from amsr_deploy.runtime.backends.onnxruntime import OnnxRuntimeBackend
from amsr_deploy.runtime.selection import Selection, select, whole

MASKED, DENSE, MASK, NEIGHBORS = "masked", "dense", "mask", "neighbors"
Batch = NDArray[np.float32]


@dataclass(frozen=True)
class Timing:
    """What a network took on a photo.

    Attributes:
        photo: name of the photo.
        size: LR height and width.
        density: share of the body that was computed, in [0, 1].
        cost_share: multiply-accumulates as a share of the dense network's.
        seconds: medians of one run: `masked`, `dense`, `mask` (mask and index), `neighbors` (the neighbour table, which
            `masked` contains), and the dense network in OpenVINO by precision.
    """

    photo: str
    size: tuple[int, int]
    density: float
    cost_share: float
    seconds: dict[str, float]

    def ratio(self, other: str = DENSE) -> float:
        """Time of the masked network over that of another."""
        return self.seconds[MASKED] / self.seconds[other]

    @property
    def mask_share(self) -> float:
        """Time of mask, index and neighbour table as a share of mask and network."""
        mask = self.seconds[MASK]
        return (mask + self.seconds.get(NEIGHBORS, 0.0)) / (mask + self.seconds[MASKED])


@dataclass(frozen=True)
class Detail:
    """What else is known of a network on one photo.

    Attributes:
        photo: name of the photo.
        density: share of the body that was computed, in [0, 1].
        memory: peak memory in bytes of `masked` and `dense`; None where the system does not report it.
        kernels: of `masked` and `dense`.
    """

    photo: str
    density: float
    memory: dict[str, int | None]
    kernels: dict[str, list[Kernel]]


@dataclass(frozen=True)
class NetworkResult:
    """What was measured of a pair of models."""

    name: str
    timings: list[Timing]
    detail: Detail


class NetworkBench:
    """A pair of models ready to be timed."""

    def __init__(self, pair: ModelPair, threads: int, use_openvino: bool = False) -> None:
        """Load both models.

        Raises:
            ModelError: files that are no models, or no pair.
            ModuleNotFoundError: OpenVINO is wanted and not installed.
        """
        self.pair, self.threads = pair, threads
        self.masked = OnnxRuntimeBackend(pair.masked, "cpu", threads)
        self.dense = OnnxRuntimeBackend(pair.dense, "cpu", threads)
        self.metadata = self.masked.metadata
        check_pair(self.masked, self.dense)
        self.neighbors = NeighborTable(threads) if self.metadata.body == "pixels" else None
        precisions = ("f32", None) if use_openvino else ()
        self.openvino = [OpenVinoModel(pair.dense, threads, precision) for precision in precisions]

    def measure(self, photo: Photo, repeats: int) -> Timing:
        """Time everything on a photo."""
        pixels, batch = self.prepare(photo)
        selection = self.select(pixels)
        inputs = whole(selection, pixels)
        runs: dict[str, Run] = {
            MASKED: partial(self.masked.run, batch, inputs),
            DENSE: partial(self.dense.run, batch, {}),
            MASK: lambda: whole(self.select(pixels), pixels),
        }
        if self.neighbors is not None:
            runs[NEIGHBORS] = partial(self.neighbors.run, inputs["index"], pixels.shape[:2])
        runs |= {model.name: partial(model.run, batch) for model in self.openvino}
        times = medians(runs, repeats)
        density = selection.density
        size = (pixels.shape[0], pixels.shape[1])
        return Timing(photo.name, size, density, self.metadata.cost.share(density), times)

    def examine(self, photo: Photo) -> Detail:
        """Measure peak memory and kernels on a photo."""
        pixels, batch = self.prepare(photo)
        selection = self.select(pixels)
        cases: list[tuple[str, Path, SelectionInputs]] = [
            (MASKED, self.pair.masked, whole(selection, pixels)),
            (DENSE, self.pair.dense, {}),
        ]
        memory = {name: peak_memory(path, batch, inputs, self.threads) for name, path, inputs in cases}
        kernels = {name: profile(path, batch, inputs, self.threads) for name, path, inputs in cases}
        return Detail(photo.name, selection.density, memory, kernels)

    def prepare(self, photo: Photo) -> tuple[NDArray[np.float32], Batch]:
        """Crop a photo to a size that the network takes: [H, W, 3], and as the network's input [1, 3, H, W]."""
        pixels = photo.cropped(self.metadata.size_multiple)
        return pixels, as_batch(pixels)

    def select(self, pixels: NDArray[np.float32]) -> Selection:
        """Select by the default mask of a photo [H, W, 3]."""
        return self.select_mask(compute_mask(pixels, self.metadata.dilation).pixels)

    def select_mask(self, mask: NDArray[np.bool_]) -> Selection:
        """Select by a mask [H, W]."""
        return select(mask, self.metadata, self.metadata.threshold)


def measure_pair(
    pair: ModelPair, photos: list[Photo], threads: int, repeats: int, use_openvino: bool, step: Callable[[str], None]
) -> NetworkResult:
    """Measure a pair of models on photos; memory and kernels on the densest one.

    Args:
        pair: the models.
        photos: what to upscale.
        threads: CPU threads that work on an operator.
        repeats: measurements whose median counts.
        use_openvino: measure the dense model in OpenVINO too.
        step: takes a line on what is being done.

    Raises:
        AmsrError: models that cannot be used, OpenVINO that is wanted and not installed.
    """
    bench = NetworkBench(pair, threads, use_openvino)
    timings = []
    for photo in photos:
        step(f"{pair.name} on {photo.name}")
        timings.append(bench.measure(photo, repeats))
    densest = max(range(len(photos)), key=lambda number: timings[number].density)
    step(f"{pair.name}: memory and kernels on {photos[densest].name}")
    return NetworkResult(pair.name, timings, bench.examine(photos[densest]))
