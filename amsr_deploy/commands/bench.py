"""What `amsr bench` does."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from amsr_deploy.commands.eval import STDOUT, check_report_file
from amsr_deploy.descriptor import SCALE
from amsr_deploy.errors import UserError
from amsr_deploy.evaluation.bench import results
from amsr_deploy.evaluation.bench.crossover import find_crossover
from amsr_deploy.evaluation.bench.layers import measure_operators
from amsr_deploy.evaluation.bench.machine import examine_machine
from amsr_deploy.evaluation.bench.markdown import Section, write_sections
from amsr_deploy.evaluation.bench.networks import measure_pair
from amsr_deploy.evaluation.bench.photos import read_photos
from amsr_deploy.evaluation.bench.twins import choose_pairs
from amsr_deploy.files import replacing


def run_benchmarks(
    folders: Sequence[Path],
    *,
    backbones: Sequence[str],
    scale: int | None,
    model: Path | None,
    dense_model: Path | None,
    operators: bool,
    channels: Sequence[int],
    crossover: bool,
    openvino: bool,
    width: int,
    count: int | None,
    threads: int,
    repeats: int,
    json_file: Path | None,
    markdown: Path | None,
    fail: Callable[[Exception], object],
) -> int:
    """Measure and show tables, or JSON: networks, or `operators` and `crossover` where these are asked for.

    The JSON object has `machine` and, of what was measured, `networks`, `operators` and `crossover`.

    Args:
        folders: of HR pictures.
        backbones: shipped models to measure; none is all.
        scale: of the shipped models; None is the largest of each.
        model: a masked model file to measure instead.
        dense_model: its dense twin.
        operators: measure MaskedConv2d against Conv.
        channels: of the layers that `operators` measures; none is 64.
        crossover: find the density above which the dense network is faster.
        openvino: measure the dense networks in OpenVINO too.
        width: of the HR pictures, in pixels.
        count: most pictures of each folder; None is all.
        threads: CPU threads that work on an operator.
        repeats: measurements whose median counts.
        json_file: where to write JSON; `-` prints it instead of the tables.
        markdown: a file whose tables are replaced, or that is made.
        fail: takes the error of each picture that failed.

    Returns:
        The number of pictures that failed.

    Raises:
        AmsrError: what concerns all pictures: folders, models, settings, packages that are not installed.
    """
    check_report_file(None if json_file == STDOUT else json_file, ".json")
    check_report_file(markdown, ".md")
    if min(threads, repeats, *channels) < 1 or (count is not None and count < 1):
        raise UserError("threads, repeats, channels and pictures must be 1 or more")
    failed: dict[str, Exception] = {}
    pairs = [] if operators and not crossover else choose_pairs(backbones, scale, model, dense_model)
    scales = {pair.scale for pair in pairs} | ({scale or SCALE} if operators else set())
    machine = examine_machine(threads)
    try:
        photos = {
            factor: read_photos(folders, width, factor, count, lambda error: failed.setdefault(str(error), error))
            for factor in sorted(scales)
        }
    finally:  # where all pictures failed, too
        for error in failed.values():
            fail(error)
    sections: list[Section] = [results.machine_section(machine)]
    content: dict[str, Any] = {"machine": asdict(machine)}
    if operators:
        timings = measure_operators(photos[scale or SCALE], channels, threads, repeats, show)
        sections.append(results.operator_section(timings))
        content["operators"] = results.operator_data(timings)
    if crossover:
        meetings = [find_crossover(pair, photos[pair.scale], threads, repeats, show) for pair in pairs]
        sections.append(results.crossover_section(meetings))
        content["crossover"] = [asdict(meeting) for meeting in meetings]
    if not (operators or crossover):
        measured = [measure_pair(pair, photos[pair.scale], threads, repeats, openvino, show) for pair in pairs]
        sections += [section for result in measured for section in results.network_sections(result)]
        content["networks"] = [results.network_data(result) for result in measured]
    write(sections, content, json_file, markdown)
    return len(failed)


def show(line: str) -> None:
    """Say on a terminal what is being done: benchmarks take minutes."""
    if sys.stderr.isatty():
        print(line, file=sys.stderr)


def write(sections: Sequence[Section], content: dict[str, Any], json_file: Path | None, markdown: Path | None) -> None:
    """Print tables, or JSON in their place, and write the files."""
    text = json.dumps(content, indent=2)
    print(text if json_file == STDOUT else "\n\n".join(section.plain() for section in sections))
    if json_file is not None and json_file != STDOUT:
        with replacing(json_file) as temporary:
            temporary.write_text(text + "\n")
    if markdown is not None:
        write_sections(markdown, sections)
