"""Upscaling a video file: what `amsr video` does."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
from numpy.typing import NDArray

from amsr_deploy.commands.bar import Bar
from amsr_deploy.commands.messages import say, setting
from amsr_deploy.commands.output_size import Plan
from amsr_deploy.commands.report_file import write_report
from amsr_deploy.commands.upscalers import check_masked, load_upscalers
from amsr_deploy.commands.video_options import VideoOptions
from amsr_deploy.files import STANDARD, replacing
from amsr_deploy.image.orientation import turned_size
from amsr_deploy.interrupts import NotedSignal, exit_code
from amsr_deploy.runtime.newest import wanted_model
from amsr_deploy.runtime.shipped import origin
from amsr_deploy.runtime.tiles import Size
from amsr_deploy.video.background import BackgroundCalls, prefetch
from amsr_deploy.video.encoding import Encoding
from amsr_deploy.video.frames import VideoUpscaler
from amsr_deploy.video.reader import Decoded, Reader
from amsr_deploy.video.writer import Writer
from amsr_deploy.wording import counted

AHEAD = 4
"""Frames that are decoded before they are wanted, and frames that wait for the encoder."""


@dataclass
class VideoReport:
    """What became of a video; shares are means over all frames, see `frames.UpscaledFrame`."""

    input: str
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

    def add(self, density: float, reused: float, new_scene: bool) -> None:
        """Count a frame."""
        self.frames += 1
        self.scenes += new_scene
        self.density += (density - self.density) / self.frames
        self.reused += (reused - self.reused) / self.frames

    @property
    def rate(self) -> float:
        """Frames a second."""
        return self.frames / max(self.seconds, 1e-9)

    def as_json(self) -> str:
        """Write all of it as an object."""
        return json.dumps({**asdict(self), "frames_per_second": round(self.rate, 3)})

    def __str__(self) -> str:
        notes = [
            self.reduction,
            f"{counted(self.broken, 'broken frame')} repeated" if self.broken else None,
            f"the input breaks off: {self.cut_off}" if self.cut_off else None,
            "stopped; what was done is kept" if self.stopped else None,
        ]
        return ", ".join(
            [
                f"{self.output}: {self.model} ({self.origin}), {self.backend}",
                f"{counted(self.frames, 'frame')}, {counted(self.scenes, 'scene')}",
                f"{self.rate:.2f} frames/s, density {self.density:.2f}, {self.reused:.0%} reused",
                *filter(None, notes),
            ]
        )


def run(backbone: str | None, model: Path | None, **options: Any) -> int:
    """Upscale a video as the options of `amsr video` ask, and return the exit code."""
    wanted = VideoOptions(**options)
    return upscale_video(wanted, wanted_model(backbone, model, wanted.device, wanted.trained_for))


def upscale_video(options: VideoOptions, model: str | Path) -> int:
    """Upscale a video with all that belongs to it: times, colour tags, sound and other streams.

    Args:
        options: what is wanted.
        model: name of a backbone, or path of a model.

    Returns:
        The exit code: 0 where the video was done to its end, else that of the signal that stopped it.

    Raises:
        AmsrError: a video that cannot be read or written, values that do not fit. The output is then not there.
    """
    options.check()
    wanted = options.wanted_size(model)
    upscalers = load_upscalers(wanted, options.settings() | {"model": model})
    check_masked(upscalers, mask=options.mask, budget=options.budget)
    with closing(Reader(options.source, options.start, options.duration, options.deinterlace)) as reader:
        plan = _even(wanted.plan(str(options.source), turned_size(reader.size, reader.orientation), upscalers))
        target = options.target(plan.label)
        upscaler = upscalers[plan.scale]
        video = options.video_upscaler(upscaler, reader.size, reader.orientation)
        name = "standard output" if target == STANDARD else str(target)
        report = VideoReport(
            reader.name, name, upscaler.model, origin(model), plan.scale, upscaler.backend, plan.reduction
        )
        size, started = turned_size(plan.size, reader.orientation), time.perf_counter()
        with _written(target, name, reader, size, options.encoding) as writer:
            stopped_by = _run(reader, writer, video, report)
        report.seconds = time.perf_counter() - started
        report.stopped, report.broken, report.cut_off = stopped_by is not None, reader.broken, reader.cut_off
    write_report(options.json_file, f"{report.as_json()}\n")
    if options.json_file == STANDARD:
        click.echo(report.as_json(), err=target == STANDARD)
    else:
        say(str(report), err=target == STANDARD)
    return 0 if stopped_by is None else exit_code(stopped_by)


@contextmanager
def _written(target: Path, name: str, reader: Reader, size: Size, encoding: Encoding) -> Iterator[Writer]:
    """Open the output, which takes its name where the block ends well."""
    with nullcontext(target) if target == STANDARD else replacing(target) as path:
        writer = Writer(path, name, reader, size, encoding)
        try:
            yield writer
            writer.finish()
        except BaseException:
            writer.abandon()
            raise


def _run(reader: Reader, writer: Writer, video: VideoUpscaler, report: VideoReport) -> int | None:
    """Take frames through the network, while others are decoded and encoded; return the signal that stopped it."""
    last: NDArray[Any] | None = None
    bar, items = Bar(reader.frames, not setting("quiet"), "frames"), prefetch(reader.items(), AHEAD)
    with NotedSignal() as noted, bar, BackgroundCalls(AHEAD) as writing, closing(items):
        for item in items:
            if not isinstance(item, Decoded):
                writing.call(writer.copy, item)
                continue
            if item.frame is not None:
                upscaled = video.upscale(item.rgb())
                last = upscaled.image
                report.add(upscaled.density, upscaled.reused, upscaled.new_scene)
            elif last is not None:
                report.add(0, 1, False)
            if last is not None:
                writing.call(writer.write, last, item)
            bar.finish(f"density {report.density:.2f}, {report.reused:.0%} reused")
            if noted.number is not None:
                break
        writing.wait()
    return noted.number


def _even(plan: Plan) -> Plan:
    """Make a width that follows from a height even, as most pixel formats want it."""
    if not plan.label.startswith("x") and plan.size[1] % 2:
        width = plan.size[1] + 1
        return Plan(plan.scale, (plan.size[0], width), f"{width}x{plan.size[0]}", reduced=True)
    return plan
