"""Upscaling a video file: what `amsr video` does."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import closing, nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import click
from numpy.typing import NDArray

from amsr_deploy import image
from amsr_deploy.commands.bar import Bar
from amsr_deploy.commands.effort import Effort
from amsr_deploy.commands.group import setting
from amsr_deploy.commands.infer import load_upscalers
from amsr_deploy.commands.output_size import OutputSize, Plan
from amsr_deploy.commands.outputs import check_standard_output
from amsr_deploy.commands.report_file import check_report_file, write_report
from amsr_deploy.descriptor import BACKBONES
from amsr_deploy.errors import UserError
from amsr_deploy.files import STANDARD, replacing
from amsr_deploy.interrupts import NotedSignal, exit_code
from amsr_deploy.runtime.shipped import origin, shipped_scales
from amsr_deploy.video.ahead import Behind, ahead
from amsr_deploy.video.encoding import Encoding
from amsr_deploy.video.frames import VideoUpscaler
from amsr_deploy.video.reader import Decoded, Reader
from amsr_deploy.video.writer import Writer

AHEAD = 4
"""Frames that are decoded before they are wanted, and frames that wait for the encoder."""

LONGEST = 1e9
"""Seconds that no video lasts; files count more of them, but not all that a number may be."""


@dataclass
class Report:
    """What became of a video; shares are means over all frames, see `frames.UpscaledFrame`."""

    output: str
    model: str
    origin: str
    """`shipped` with the package, or `yours`."""
    scale: int
    backend: str
    reduction: str | None
    frames: int = 0
    scenes: int = 0
    density: float = 0.0
    reused: float = 0.0
    seconds: float = 0.0
    broken: int = 0
    cut_off: str | None = None
    """Why the input ended early."""
    stopped: bool = False
    """Whether the user did not want the rest."""
    _started: float = field(default_factory=time.perf_counter)

    def add(self, density: float, reused: float, new_scene: bool) -> None:
        """Count a frame."""
        self.frames += 1
        self.scenes += new_scene
        self.density += (density - self.density) / self.frames
        self.reused += (reused - self.reused) / self.frames
        self.seconds = time.perf_counter() - self._started

    @property
    def rate(self) -> float:
        """Frames a second."""
        return self.frames / max(self.seconds, 1e-9)

    def as_json(self) -> str:
        """All of it as an object."""
        values = {name: value for name, value in asdict(self).items() if not name.startswith("_")}
        return json.dumps({**values, "frames_per_second": round(self.rate, 3)})

    def __str__(self) -> str:
        notes = [
            self.reduction,
            f"{self.broken} broken frames repeated" if self.broken else None,
            f"the input breaks off: {self.cut_off}" if self.cut_off else None,
            "stopped; what was done is kept" if self.stopped else None,
        ]
        return ", ".join(
            [
                f"{self.output}: {self.model} ({self.origin}), {self.backend}, {self.frames} frames",
                f"{self.rate:.2f} frames/s, density {self.density:.2f}, {self.reused:.0%} reused",
                f"{self.scenes} scenes",
                *filter(None, notes),
            ]
        )


def upscale_video(
    source: Path,
    output: Path | None,
    model: str | Path,
    show: Callable[[str], None],
    *,
    scale: int | None = None,
    height: int | None = None,
    start: float = 0,
    duration: float | None = None,
    deinterlace: bool = False,
    encoder: str | None = None,
    crf: float | None = None,
    preset: str | None = None,
    pixel_format: str | None = None,
    dilation: int | None = None,
    level: str | None = None,
    budget: float | None = None,
    mask: Path | None = None,
    tolerance: float,
    tile: int | None = None,
    reuse: bool = True,
    overwrite: bool = False,
    json_file: Path | None = None,
    **settings: Any,
) -> int:
    """Upscale a video with all that belongs to it: times, colour tags, sound and other streams.

    Args:
        source: a video file, or `-` for y4m from standard input.
        output: a file, or `-` for y4m to standard output; None is `NAME_SIZE` beside the source.
        model: name of a backbone, or path of a model.
        show: takes the line at the end.
        scale: upscaling factor.
        height: of the output, in place of a scale.
        start: seconds to leave out.
        duration: seconds to read; None is all.
        deinterlace: make whole frames of interlaced ones.
        encoder: see `Encoding`, as `crf`, `preset` and `pixel_format`.
        crf: rate factor.
        preset: speed against size.
        pixel_format: of the output.
        dilation: see `Effort`, as `level`.
        level: of quality.
        budget: see `VideoUpscaler`.
        mask: a picture of the source's size, white where the network shall work.
        tolerance: see `VideoUpscaler`, as `tile` and `reuse`.
        tile: side of the tiles that are kept.
        reuse: whether tiles are kept.
        overwrite: replace an output that exists.
        json_file: where the report goes as JSON; `-` shows it in place of the line.
        settings: keyword arguments of `upscaler.load`.

    Returns:
        The exit code: 0 where the video was done to its end, else that of the signal that stopped it.

    Raises:
        AmsrError: a video that cannot be read or written, values that do not fit. The output is then not there.
    """
    check_report_file(json_file, ".json")
    if not 0 <= start <= LONGEST:
        raise UserError(f"`start` {start:g} is no time in a video; give 0 seconds or more")
    if duration is not None and not 0 < duration <= LONGEST:
        raise UserError(f"`duration` {duration:g} is no length of a video; give more than 0 seconds")
    effort = Effort(dilation, level, budget)
    effort.check(mask, settings.get("strategy", "kmeans"), settings.get("dense", False))
    settings["dilation"] = effort.chosen_dilation
    wanted = OutputSize(scale or _default_scale(model, height, settings), height=height)
    upscalers = load_upscalers(model, wanted, **settings)
    reader = Reader(source, start, duration, deinterlace)
    try:
        plan = _even(wanted.plan(str(source), reader.size, upscalers))
        target = output or _default_output(source, plan.label)
        _check_target(source, target, overwrite)
        region = None if mask is None else image.read_mask(mask, reader.size)
        upscaler = upscalers[plan.scale]
        video = VideoUpscaler(upscaler, tolerance=tolerance, tile=tile, reuse=reuse, mask=region, budget=budget)
        name = "standard output" if target == STANDARD else str(target)
        report = Report(name, upscaler.model, origin(model), plan.scale, upscaler.backend, plan.reduction)
        encoding = Encoding(encoder, crf, preset, pixel_format)
        with nullcontext(target) if target == STANDARD else replacing(target.resolve()) as path:
            writer = Writer(path, name, reader, plan.size, encoding)
            try:
                stopped_by = _run(reader, writer, video, report)
                writer.finish()
            except BaseException:
                writer.abandon()
                raise
        report.stopped, report.broken, report.cut_off = stopped_by is not None, reader.broken, reader.cut_off
    finally:
        reader.close()
    write_report(json_file, f"{report.as_json()}\n")
    if json_file == STANDARD:
        click.echo(report.as_json(), err=target == STANDARD)
    else:
        show(str(report))
    return 0 if stopped_by is None else exit_code(stopped_by)


def _run(reader: Reader, writer: Writer, video: VideoUpscaler, report: Report) -> int | None:
    """Take frames through the network, while others are decoded and encoded; return the signal that stopped it."""
    last: NDArray[Any] | None = None
    bar = Bar(reader.frames, not setting("quiet"), "frames")
    with NotedSignal() as noted, bar, Behind(AHEAD) as behind, closing(ahead(reader.items(), AHEAD)) as items:
        for item in items:
            if not isinstance(item, Decoded):
                behind.call(writer.copy, item)
                continue
            if item.frame is not None:
                upscaled = video.upscale(item.rgb())
                last = upscaled.image
                report.add(upscaled.density, upscaled.reused, upscaled.new_scene)
            elif last is not None:
                report.add(0, 1, False)
            if last is not None:
                behind.call(writer.write, last, item)
            bar.finish(f"density {report.density:.2f}, {report.reused:.0%} reused")
            if noted.number is not None:
                break
        behind.wait()
    return noted.number


def _default_scale(model: str | Path, height: int | None, settings: dict[str, Any]) -> int | None:
    """Choose the smallest scale of a shipped model: with video, speed comes first."""
    dense, trained_for = settings.get("dense", False), settings.get("trained_for")
    scales = shipped_scales(model, dense, trained_for) if model in BACKBONES and height is None else ()
    return min(scales, default=None)


def _even(plan: Plan) -> Plan:
    """Make a width that follows from a height even, as most pixel formats want it."""
    if not plan.label.startswith("x") and plan.size[1] % 2:
        width = plan.size[1] + 1
        return Plan(plan.scale, (plan.size[0], width), f"{width}x{plan.size[0]}", reduced=True)
    return plan


def _default_output(source: Path, label: str) -> Path:
    if source == STANDARD:
        return STANDARD
    suffix = source.suffix.lower() if source.suffix.lower() in (".mp4", ".mov", ".mkv", ".webm", ".m4v") else ".mkv"
    return source.with_name(f"{source.stem}_{label}{suffix}")


def _check_target(source: Path, target: Path, overwrite: bool) -> None:
    """Raise UserError where the output cannot be, is the input, or exists and may not be replaced."""
    if target == STANDARD:
        check_standard_output("video")
        return
    if target.resolve() == source.resolve():
        raise UserError(f"{target} is the input; choose another name for what is written")
    if target.is_dir():
        raise UserError(f"{target} is a folder; give the name of a file")
    if not target.suffix:
        raise UserError(f"{target} has no suffix; use .mkv, .mp4, .mov or .webm")
    if not target.parent.is_dir():
        raise UserError(f"folder {target.parent} does not exist; create it first")
    if target.exists() and not overwrite:
        raise UserError(f"{target} exists; replace it with `overwrite`, or choose another name")
