"""What `amsr bench` does."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from amsr_deploy.commands.console import steps
from amsr_deploy.commands.messages import Failures
from amsr_deploy.commands.report_file import check_report_file, write_report
from amsr_deploy.descriptor import SCALE, Purpose
from amsr_deploy.evaluation.bench import results
from amsr_deploy.evaluation.bench.layers import measure_operators
from amsr_deploy.evaluation.bench.machine import examine_machine
from amsr_deploy.evaluation.bench.markdown import Section, write_sections
from amsr_deploy.evaluation.bench.networks import measure_pair
from amsr_deploy.evaluation.bench.peak import Peak
from amsr_deploy.evaluation.bench.photos import Photo, read_photos
from amsr_deploy.evaluation.bench.twins import ModelPair, choose_pairs
from amsr_deploy.files import STANDARD


@dataclass(frozen=True)
class BenchOptions:
    """The options of `amsr bench`.

    Attributes:
        folders: of HR pictures.
        backbones: shipped models to measure; none is all.
        scale: of the shipped models; None is the largest of each.
        trained_for: which of the shipped models; None is those for clean pictures.
        model: a masked model file to measure instead.
        dense_model: its dense twin.
        operators: measure MaskedConv2d against Conv.
        channels: of the layers that `operators` measures; none is 64.
        openvino: measure the dense networks in OpenVINO too.
        width: of the HR pictures, in pixels.
        count: largest number of pictures from each folder; None is all.
        threads: CPU threads that work on an operator.
        repeats: measurements whose median counts.
        json_file: where to write JSON; `-` prints it instead of the tables.
        markdown: a file whose tables are replaced, or that is made.
    """

    folders: tuple[Path, ...]
    backbones: tuple[str, ...] = ()
    scale: int | None = None
    trained_for: Purpose | None = None
    model: Path | None = None
    dense_model: Path | None = None
    operators: bool = False
    channels: tuple[int, ...] = ()
    openvino: bool = False
    width: int = 2048
    count: int | None = None
    threads: int = 2
    repeats: int = 5
    json_file: Path | None = None
    markdown: Path | None = None


def run(**options: Any) -> int:
    """Measure and show tables, or JSON: networks, or `operators` where chosen.

    The JSON object has `machine`, and `networks` or `operators`.

    Args:
        options: those of `BenchOptions`.

    Returns:
        The exit code: 1 where a picture failed.

    Raises:
        AmsrError: what concerns all pictures: folders, models, settings, packages that are not installed.
    """
    wanted = BenchOptions(**options)
    models = (wanted.model, wanted.dense_model)
    check_report_file(wanted.json_file, ".json", models)
    check_report_file(wanted.markdown, ".md", models)
    pairs = [] if wanted.operators else choose_pairs(wanted.backbones, wanted.scale, wanted.trained_for, *models)
    machine = examine_machine(wanted.threads)
    with Failures() as failures:
        photos = read_all_photos(wanted, pairs, failures.add)
    with steps() as step:
        sections, content = measure(wanted, pairs, photos, machine.peak, step)
    sections.insert(0, Section("machine", str(machine)))
    write(sections, {"machine": asdict(machine), **content}, wanted.json_file, wanted.markdown)
    return failures.exit_code


def read_all_photos(
    options: BenchOptions, pairs: Sequence[ModelPair], fail: Callable[[Exception], object]
) -> dict[int, list[Photo]]:
    """Read the photos, reduced by each scale that is measured."""
    scales = {pair.scale for pair in pairs} | ({options.scale or SCALE} if options.operators else set())
    return {scale: read_photos(options.folders, options.width, scale, options.count, fail) for scale in sorted(scales)}


def measure(
    options: BenchOptions,
    pairs: Sequence[ModelPair],
    photos: Mapping[int, list[Photo]],
    peak: Peak,
    step: Callable[[str], None],
) -> tuple[list[Section], dict[str, Any]]:
    """Measure what the options choose, and return it as sections and as plain data."""
    threads, repeats = options.threads, options.repeats
    if options.operators:
        timings = measure_operators(photos[options.scale or SCALE], options.channels, threads, repeats, step)
        return [results.operator_section(timings, peak)], {"operators": results.operator_data(timings)}
    measured = [measure_pair(pair, photos[pair.scale], threads, repeats, options.openvino, step) for pair in pairs]
    sections = [section for result in measured for section in results.network_sections(result, peak)]
    return sections, {"networks": [results.network_data(result) for result in measured]}


def write(sections: Sequence[Section], content: dict[str, Any], json_file: Path | None, markdown: Path | None) -> None:
    """Print tables, or JSON in their place, and write the files."""
    text = json.dumps(content, indent=2)
    print(text if json_file == STANDARD else "\n\n".join(section.plain() for section in sections))
    write_report(json_file, f"{text}\n")
    if markdown is not None:
        write_sections(markdown, sections)
