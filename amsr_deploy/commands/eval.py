"""What `amsr eval` does."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from amsr_deploy.commands.bar import Bar
from amsr_deploy.commands.console import add_row, output_console
from amsr_deploy.commands.eval_results import Results, Run, plot, write_csv
from amsr_deploy.commands.messages import Failures, setting
from amsr_deploy.commands.report_file import check_report_file, write_report
from amsr_deploy.descriptor import PrecisionChoice, Purpose, Strategy
from amsr_deploy.errors import UserError
from amsr_deploy.evaluation.evaluate import Evaluation, Quality, evaluate, evaluate_bicubic, mean
from amsr_deploy.files import STANDARD, replacing
from amsr_deploy.image.pairs import picture_paths
from amsr_deploy.runtime.loading import load
from amsr_deploy.runtime.shipped import chosen_model
from amsr_deploy.wording import one_line

COLUMNS = ("PSNR-Y dB", "PSNR-RGB dB", "SSIM", "density", "share of dense MACs")
DIGITS = (2, 2, 4, 3, 3)

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class EvalOptions:
    """The options of `amsr eval`.

    Attributes:
        data: folder of HR pictures.
        lr_folder: folder of their LR pictures; None reduces the HR pictures.
        degraded: damage the reduced pictures, see `degradations.degrade`.
        trained_for: what the shipped models were trained for, each once; none is clean.
        dilations: to measure, each once; none is the model's own, unless `dense` is set.
        dense: measure the dense network too.
        json_file: where to write JSON; `-` prints it instead of the tables.
        csv_file: where to write a line for each picture.
        plot_file: where to draw quality against cost.
        scale, threshold, strategy, tile, self_ensemble, precision: as `load` takes them.
    """

    data: Path
    lr_folder: Path | None = None
    degraded: bool = False
    trained_for: tuple[Purpose, ...] = ()
    dilations: tuple[int, ...] | None = None
    dense: bool = False
    json_file: Path | None = None
    csv_file: Path | None = None
    plot_file: Path | None = None
    scale: int | None = None
    threshold: float | None = None
    strategy: Strategy = "kmeans"
    tile: int | None = None
    self_ensemble: bool = False
    precision: PrecisionChoice | None = None

    def runs(self) -> list[dict[str, Any]]:
        """Make the keyword arguments of `load` for each run of a model."""
        names = ("scale", "threshold", "strategy", "tile", "self_ensemble", "precision")
        settings = {name: getattr(self, name) for name in names}
        choices: list[dict[str, Any]] = [{"dilation": dilation} for dilation in self.dilations or ()]
        if self.dense:
            choices.append({"dense": True, "threshold": None, "strategy": "kmeans"})
        purposes = dict.fromkeys(self.trained_for or (None,))
        return [settings | {"trained_for": purpose} | choice for purpose in purposes for choice in choices or [{}]]

    def check(self, read: Iterable[Path]) -> None:
        """Raise AmsrError for options that contradict each other, or results that could not be written.

        Args:
            read: files that results may not replace, besides the LR pictures.
        """
        if self.degraded and self.lr_folder is not None:
            raise UserError("`degraded` makes LR pictures: it cannot be combined with `lr_folder`")
        small = self.lr_folder.iterdir() if self.lr_folder is not None and self.lr_folder.is_dir() else ()
        read = [*read, *small]
        check_report_file(self.json_file, ".json", read)
        check_report_file(self.csv_file, ".csv", read)
        check_report_file(self.plot_file, ".png", read)
        if self.plot_file is not None:
            import matplotlib  # noqa: F401 - where it is missing, that is said before the work


def run(backbones: Sequence[str], model: Path | None, **options: Any) -> int:
    """Measure models of one scale on the pictures of a folder and show tables, or JSON.

    The JSON object has `data`, `degraded`, `scale`, for each model and mask setting an entry of `runs` with `model`,
    `trained_for`, `self_ensemble`, `precision`, `dilation` (null is dense), `mean` and `pictures`, and `bicubic` with
    `mean` and `pictures`; its own `model` and `mean` are those of the first run. Means have the names of `Scores`.

    Args:
        backbones: of shipped models; none is the default.
        model: an ONNX file to measure instead.
        options: those of `EvalOptions`.

    Returns:
        The exit code: 1 where a picture failed.

    Raises:
        AmsrError: what concerns all pictures: models, folders, settings.
    """
    wanted = EvalOptions(**options)
    purpose = next(iter(wanted.trained_for), None)
    models = [chosen_model(backbone, model, purpose) for backbone in dict.fromkeys(backbones) or (None,)]
    paths = picture_paths(wanted.data)
    wanted.check([*paths, *map(Path, models)])
    with Failures() as failures:
        settings = wanted.runs()
        runs = [measure(each, choice, paths, wanted, failures.add) for each in models for choice in settings]
        scale = common_scale(runs)
        bicubic = evaluate_bicubic(paths, scale, failures.add, wanted.lr_folder, wanted.degraded)
        report(Results(wanted.data, wanted.degraded, scale, runs, bicubic), wanted)
    return failures.exit_code


def measure(
    model: str | Path,
    settings: dict[str, Any],
    paths: Sequence[Path],
    options: EvalOptions,
    fail: Callable[[Exception], object],
) -> Run:
    """Measure a model with one setting of the mask, showing how far it is on a terminal."""
    with load(model, **settings) as upscaler:
        label = f"{upscaler.model} {f'k={upscaler.dilation}' if upscaler.is_masked else 'dense'}"
        with Bar(len(paths), not setting("quiet")) as bar:
            evaluation = evaluate(upscaler, bar.count(paths, label), fail, options.lr_folder, options.degraded)
        return Run(str(model), upscaler.metadata, evaluation, upscaler.has_self_ensemble)


def common_scale(runs: Sequence[Run]) -> int:
    """Tell the scale of all runs, or raise UserError."""
    scales = {str(run): run.metadata.scale for run in runs}
    if len(set(scales.values())) > 1:
        given = ", ".join(f"{model} x{scale}" for model, scale in scales.items())
        raise UserError(f"models of one scale are compared, not {given}; give `scale`")
    return runs[0].metadata.scale


def report(results: Results, options: EvalOptions) -> None:
    """Print tables or JSON, and write the files."""
    for method, (first, *more) in results.exact.items():
        names = f"{first} and {len(more)} more" if more else first
        _log.warning(
            "%s restores %s exactly: its mean PSNR is infinite; measure the other pictures alone", method, names
        )
    text = json.dumps(results.to_json(), indent=2)
    if options.json_file == STANDARD:
        print(text)
    else:
        print_tables(results)
    write_report(options.json_file, f"{text}\n")
    if options.csv_file is not None:
        with replacing(options.csv_file) as temporary:
            write_csv(results, temporary)
    if options.plot_file is not None:
        with replacing(options.plot_file) as temporary:
            plot(results, temporary)


def print_tables(results: Results) -> None:
    """Print a table for each run."""
    console = output_console()
    data = f"{results.data.name}{', degraded' if results.degraded else ''}"
    for run in results.runs:
        dilation = run.evaluation.dilation
        setting = "dense" if dilation is None else f"dilation {dilation}"
        title = f"{run} x{results.scale} on {data}, {setting}, {run.metadata.precision}"
        console.print(table(run.evaluation, results.bicubic, title))


def table(run: Evaluation, bicubic: Mapping[Path, Quality], title: str) -> Table:
    """Make a table with a row for each picture, one for the mean and one for bicubic interpolation."""
    result = Table(title=Text(one_line(title)))
    result.add_column("picture")
    for column in COLUMNS:
        result.add_column(column, justify="right")
    for path, scores in run.pictures.items():
        add_row(result, path.name, *cells(scores))
    result.add_section()
    add_row(result, "mean", *cells(run.mean), style="bold")
    add_row(result, "bicubic", *cells(mean(bicubic.values())))
    return result


def cells(scores: Quality) -> list[str]:
    """Write scores with as many digits as mean something."""
    return [f"{value:.{digits}f}" for value, digits in zip(astuple(scores), DIGITS, strict=False)]
