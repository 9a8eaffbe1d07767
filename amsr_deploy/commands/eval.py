"""What `amsr eval` does."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track
from rich.table import Table

from amsr_deploy.commands.console import output_console
from amsr_deploy.errors import UserError
from amsr_deploy.evaluation.evaluate import Evaluation, Scores, evaluate
from amsr_deploy.files import replacing
from amsr_deploy.image.pairs import picture_paths
from amsr_deploy.runtime.upscaler import load

STDOUT = Path("-")
COLUMNS = ("PSNR-Y dB", "PSNR-RGB dB", "SSIM", "density", "share of dense MACs")
DIGITS = (2, 2, 4, 3, 3)


def evaluate_folder(
    model: str | Path,
    data: Path,
    dilations: str | None,
    dense: bool,
    json_file: Path | None,
    fail: Callable[[Exception], object],
    **settings: Any,
) -> int:
    """Measure a model on the pictures of a folder and show tables, or JSON.

    The JSON object has `model`, `scale`, `data` and, for each mask setting, an entry of `runs` with `dilation` (null is
    dense), `mean` and `pictures`; its own `mean` is that of the first run. Means have the names of `Scores`.

    Args:
        model: name of a backbone, or path of an ONNX file.
        data: folder of HR pictures.
        dilations: odd numbers between commas; None is the model's own, unless only `dense` is asked for.
        dense: measure the dense network too.
        json_file: where to write JSON; `-` prints it instead of the tables.
        fail: takes the error of each picture that failed.
        settings: other keyword arguments of `load`.

    Returns:
        The number of pictures that failed.

    Raises:
        AmsrError: what concerns all pictures: model, folder, settings.
    """
    paths = picture_paths(data)
    check_report_file(None if json_file == STDOUT else json_file, ".json")
    failed: dict[str, Exception] = {}
    runs = []
    progress = Console(file=sys.stderr)
    try:
        for choice in mask_settings(dilations, dense):
            upscaler = load(model, **settings | choice)
            label = "dense" if choice.get("dense") else f"k={upscaler.dilation}"
            hidden = not progress.is_terminal
            shown = track(paths, f"{data.name} {label}", console=progress, transient=True, disable=hidden)
            runs.append(evaluate(upscaler, shown, lambda error: failed.setdefault(str(error), error)))
        report(runs, str(model), upscaler.metadata.scale, data, json_file)
    finally:  # where all pictures failed, too
        for error in failed.values():
            fail(error)
    return len(failed)


def check_report_file(path: Path | None, suffix: str) -> None:
    """Raises UserError where no figures can be written; better before the measuring than after it."""
    if path is None:
        return
    if path.suffix != suffix:
        raise UserError(f"{path} does not end in {suffix}; give another file for the figures")
    if not path.parent.is_dir():
        raise UserError(f"folder {path.parent} does not exist; create it first")
    if not os.access(path.parent, os.W_OK):
        raise UserError(f"folder {path.parent} cannot be written; give another file for the figures")


def mask_settings(dilations: str | None, dense: bool) -> list[dict[str, Any]]:
    """Keyword arguments of `load` for each run.

    Raises:
        UserError: dilations that are no numbers, or one of them twice.
    """
    try:
        chosen = [] if dilations is None else [int(part) for part in dilations.split(",")]
    except ValueError:
        raise UserError(f"dilations {dilations!r} are no numbers; write them like 1,3,5") from None
    if len(set(chosen)) < len(chosen):
        raise UserError(f"dilations {dilations!r} name one twice; give each once")
    runs: list[dict[str, Any]] = [{"dilation": dilation} for dilation in chosen]
    if dense:
        runs.append({"dense": True, "threshold": None, "strategy": "kmeans"})
    return runs or [{}]


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
    """A row for each picture and one for the mean."""
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
    """Scores with as many digits as mean something."""
    return [f"{value:.{digits}f}" for value, digits in zip(astuple(scores), DIGITS, strict=True)]
