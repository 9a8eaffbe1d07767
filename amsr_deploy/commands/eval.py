"""What `amsr eval` does."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track
from rich.table import Table

from amsr_deploy.commands.console import output_console
from amsr_deploy.descriptor import Strategy
from amsr_deploy.errors import UserError
from amsr_deploy.evaluation.evaluate import Evaluation, Scores, evaluate
from amsr_deploy.files import replacing
from amsr_deploy.image.pairs import picture_paths
from amsr_deploy.runtime.upscaler import load

STDOUT = Path("-")
COLUMNS = ("PSNR-Y dB", "PSNR-RGB dB", "SSIM", "density", "share of dense MACs")
DIGITS = (2, 2, 4, 3, 3)


@dataclass(frozen=True)
class EvalOptions:
    """The options of `amsr eval`.

    Attributes:
        data: folder of HR pictures.
        dilations: to measure, each once; none is the model's own, unless `dense` is set.
        dense: measure the dense network too.
        json_file: where to write JSON; `-` prints it instead of the tables.
        scale, threshold, strategy, tile: as `load` takes them.
    """

    data: Path
    dilations: tuple[int, ...] | None = None
    dense: bool = False
    json_file: Path | None = None
    scale: int | None = None
    threshold: float | None = None
    strategy: Strategy = "kmeans"
    tile: int | None = None

    def runs(self) -> list[dict[str, Any]]:
        """Make the keyword arguments of `load` for each run."""
        settings = {name: getattr(self, name) for name in ("scale", "threshold", "strategy", "tile")}
        choices: list[dict[str, Any]] = [{"dilation": dilation} for dilation in self.dilations or ()]
        if self.dense:
            choices.append({"dense": True, "threshold": None, "strategy": "kmeans"})
        return [settings | choice for choice in choices or [{}]]


def evaluate_folder(model: str | Path, options: EvalOptions, fail: Callable[[Exception], object]) -> int:
    """Measure a model on the pictures of a folder and show tables, or JSON.

    The JSON object has `model`, `scale`, `data` and, for each mask setting, an entry of `runs` with `dilation` (null is
    dense), `mean` and `pictures`; its own `mean` is that of the first run. Means have the names of `Scores`.

    Args:
        model: name of a backbone, or path of an ONNX file.
        options: what to measure.
        fail: takes the error of each picture that failed.

    Returns:
        The number of pictures that failed.

    Raises:
        AmsrError: what concerns all pictures: model, folder, settings.
    """
    data, json_file = options.data, options.json_file
    paths = picture_paths(data)
    check_report_file(None if json_file == STDOUT else json_file, ".json")
    failed: dict[str, Exception] = {}
    runs = []
    progress = Console(file=sys.stderr)
    try:
        for settings in options.runs():
            upscaler = load(model, **settings)
            label = "dense" if settings.get("dense") else f"k={upscaler.dilation}"
            hidden = not progress.is_terminal
            shown = track(paths, f"{data.name} {label}", console=progress, transient=True, disable=hidden)
            runs.append(evaluate(upscaler, shown, lambda error: failed.setdefault(str(error), error)))
        report(runs, str(model), upscaler.metadata.scale, data, json_file)
    finally:  # where all pictures failed, too
        for error in failed.values():
            fail(error)
    return len(failed)


def check_report_file(path: Path | None, suffix: str) -> None:
    """Raise UserError where no figures can be written: before the measurement, not after it."""
    if path is None:
        return
    if path.suffix != suffix:
        raise UserError(f"{path} does not end in {suffix}; give another file for the figures")
    if not path.parent.is_dir():
        raise UserError(f"folder {path.parent} does not exist; create it first")
    if not os.access(path.parent, os.W_OK):
        raise UserError(f"folder {path.parent} cannot be written; give another file for the figures")


def report(runs: Sequence[Evaluation], model: str, scale: int, data: Path, json_file: Path | None) -> None:
    """Print tables, or write JSON, or both."""
    content = {"model": model, "scale": scale, "data": str(data), "mean": runs[0].to_json()["mean"]}
    text = json.dumps(content | {"runs": [run.to_json() for run in runs]}, indent=2)
    if json_file == STDOUT:
        print(text)
        return
    console = output_console()
    for run in runs:
        console.print(table(run, f"{model} x{scale} on {data.name}"))
    if json_file is not None:
        with replacing(json_file) as temporary:
            temporary.write_text(text + "\n")


def table(run: Evaluation, title: str) -> Table:
    """Make a table with a row for each picture and one for the mean."""
    result = Table(title=f"{title}, {'dense' if run.dilation is None else f'dilation {run.dilation}'}")
    result.add_column("picture")
    for column in COLUMNS:
        result.add_column(column, justify="right")
    for name, scores in run.pictures.items():
        result.add_row(name, *cells(scores))
    result.add_section()
    result.add_row("mean", *cells(run.mean), style="bold")
    return result


def cells(scores: Scores) -> list[str]:
    """Write scores with as many digits as mean something."""
    return [f"{value:.{digits}f}" for value, digits in zip(astuple(scores), DIGITS, strict=True)]
