"""What `amsr eval` measured: as JSON, as CSV, as a plot."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from amsr_deploy.evaluation.evaluate import Evaluation, Quality, Scores, finite, mean, to_json
from amsr_deploy.metadata import Metadata

NAMES = ("model", "trained_for", "self_ensemble", "precision")
"""What tells runs apart, but for the setting of the mask."""
FIELDS = (*NAMES, "scale", "dilation", "picture", *(each.name for each in fields(Scores)))
"""Columns of the CSV file."""


@dataclass(frozen=True)
class Run:
    """A model with one setting of the mask.

    Attributes:
        model: its name, or its file.
        metadata: what it says about itself.
        evaluation: the scores of the pictures.
        self_ensemble: whether results are means of eight turned runs.
    """

    model: str
    metadata: Metadata
    evaluation: Evaluation
    self_ensemble: bool = False

    @property
    def names(self) -> dict[str, Any]:
        """Values of NAMES."""
        values = (self.model, self.metadata.trained_for, self.self_ensemble, self.metadata.precision)
        return dict(zip(NAMES, values, strict=True))

    def __str__(self) -> str:
        purpose = " for photos" if self.metadata.trained_for == "photo" else ""
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
        return {
            "model": runs[0]["model"],
            "mean": runs[0]["mean"],
            "scale": self.scale,
            "data": str(self.data),
            "degraded": self.degraded,
            "runs": runs,
            "bicubic": to_json(self.bicubic),
        }

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
    scored = [(run.metadata.cost.dense / 1e3, run.evaluation.mean) for run in runs]
    means = sorted((dense * scores.cost_share, scores.psnr_y) for dense, scores in scored)
    return [cost for cost, _ in means], [quality for _, quality in means]
