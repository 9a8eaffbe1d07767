"""What `amsr eval` measured: as JSON, as CSV, as a plot."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from amsr_deploy.descriptor import Purpose
from amsr_deploy.evaluation.evaluate import Evaluation, Quality, finite, mean, to_json
from amsr_deploy.metadata import Precision

FIELDS = (
    *("model", "trained_for", "self_ensemble", "precision", "scale", "dilation", "picture"),
    *("psnr_y", "psnr_rgb", "ssim", "density", "cost_share"),
)


@dataclass(frozen=True)
class Run:
    """A model with one setting of the mask.

    Attributes:
        model: its name, or its file.
        scale: its upscaling factor.
        macs: multiply-accumulates of the dense network at one LR pixel.
        evaluation: the scores of the pictures.
        trained_for: the pictures that it was made for.
        self_ensemble: whether results are means of eight turned runs.
        precision: type of weights and features.
    """

    model: str
    scale: int
    macs: float
    evaluation: Evaluation
    trained_for: Purpose = "clean"
    self_ensemble: bool = False
    precision: Precision = "float32"

    @property
    def names(self) -> dict[str, Any]:
        """What tells it from others, but for the setting of the mask."""
        names = ("model", "trained_for", "self_ensemble", "precision")
        return {name: getattr(self, name) for name in names}

    def __str__(self) -> str:
        purpose = " for photos" if self.trained_for == "photo" else ""
        return f"{self.model}{purpose}{' with self-ensemble' if self.self_ensemble else ''}"


@dataclass(frozen=True)
class Results:
    """All runs on a folder of pictures.

    Attributes:
        data: the folder.
        degraded: whether the LR pictures were damaged.
        scale: of all models.
        runs: one or more.
        bicubic: the scores of bicubic interpolation by file.
    """

    data: Path
    degraded: bool
    scale: int
    runs: Sequence[Run]
    bicubic: Mapping[Path, Quality]

    def to_json(self) -> dict[str, Any]:
        """Convert to plain data."""
        runs = [{**run.names, **run.evaluation.to_json()} for run in self.runs]
        first = {"model": runs[0]["model"], "mean": runs[0]["mean"]}
        setting = {"scale": self.scale, "data": str(self.data), "degraded": self.degraded}
        return {**first, **setting, "runs": runs, "bicubic": to_json(self.bicubic)}

    @property
    def exact(self) -> dict[str, list[str]]:
        """Pictures that a network or bicubic interpolation restores exactly, by its name: their PSNR is infinite."""
        scored = {**{str(run): run.evaluation.pictures for run in self.runs}, "bicubic interpolation": self.bicubic}
        found = {
            method: [path.name for path, scores in pictures.items() if None in finite(scores).values()]
            for method, pictures in scored.items()
        }
        return {method: names for method, names in found.items() if names}

    def lines(self) -> Iterator[dict[str, Any]]:
        """Give the scores of each picture with what they belong to."""
        for run in self.runs:
            dilation = run.evaluation.dilation
            names = {**run.names, "scale": self.scale, "dilation": "dense" if dilation is None else dilation}
            for path, scores in run.evaluation.pictures.items():
                yield {**names, "picture": path.name, **finite(scores)}
        for path, quality in self.bicubic.items():
            yield {"model": "bicubic", "scale": self.scale, "picture": path.name, **finite(quality)}


def write_csv(results: Results, path: Path) -> None:
    """Write a line for each picture of each run and of bicubic interpolation."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(results.lines())


def plot(results: Results, path: Path) -> None:
    """Draw PSNR against multiply-accumulates: a line of dilations for each model, a square where it is dense."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 4.8), layout="constrained")
    axes = figure.add_subplot()
    for number, model in enumerate(dict.fromkeys(map(str, results.runs))):
        runs = [run for run in results.runs if str(run) == model]
        masked = [run for run in runs if run.evaluation.dilation is not None]
        dense = [run for run in runs if run.evaluation.dilation is None]
        axes.plot(*points(masked), "o-", color=f"C{number}", label=model)
        axes.plot(*points(dense), "s", color=f"C{number}", label=f"{model}, dense" if dense else None)
    axes.axhline(mean(results.bicubic.values()).psnr_y, color="grey", linestyle=":", label="bicubic")
    axes.set(xlabel="multiply-accumulates per LR pixel, thousands", ylabel="PSNR-Y in dB")
    axes.set_title(f"{results.data.name}, x{results.scale}")
    axes.grid(alpha=0.3)
    axes.legend()
    FigureCanvasAgg(figure).print_png(path)  # type: ignore[no-untyped-call]


def points(runs: Sequence[Run]) -> tuple[list[float], list[float]]:
    """Give the cost and the quality of runs, in the order of their cost."""
    means = sorted((run.macs * run.evaluation.mean.cost_share / 1e3, run.evaluation.mean.psnr_y) for run in runs)
    return [cost for cost, _ in means], [quality for _, quality in means]
