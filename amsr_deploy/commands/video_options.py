"""What is wanted of a video, and the checks that need no work."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from amsr_deploy import image
from amsr_deploy.commands.effort import Effort
from amsr_deploy.commands.output_size import OutputSize
from amsr_deploy.commands.report_file import check_report_file
from amsr_deploy.descriptor import BACKBONES, Device, PrecisionChoice, Purpose, Strategy
from amsr_deploy.errors import FileError, UserError
from amsr_deploy.files import STANDARD, check_not_read, check_standard_output, check_writable
from amsr_deploy.image.orientation import INVERSE, turned, turned_size
from amsr_deploy.runtime.settings import PictureSettings
from amsr_deploy.runtime.shipped import shipped_scales
from amsr_deploy.runtime.tiles import Size
from amsr_deploy.runtime.upscaler import Upscaler
from amsr_deploy.video.encoding import Encoding
from amsr_deploy.video.frames import VideoUpscaler
from amsr_deploy.video.reuse import TOLERANCE
from amsr_deploy.video.writer import SUFFIXES

LONGEST = 1e9
"""Seconds that no video lasts; files count more of them, but not all that a number may be."""


@dataclass(frozen=True)
class VideoOptions:
    """The options of `amsr video`.

    Attributes:
        source: a video file, or `-` for y4m from standard input.
        output: a file, or `-` for y4m to standard output; None is `NAME_SIZE` beside the source.
        scale: upscaling factor; None is the smallest that ships.
        height: of the output as it is shown, in place of a scale.
        start: seconds to leave out.
        duration: seconds to read; None is all.
        deinterlace: make whole frames of interlaced ones.
        encoder, crf, preset, pixel_format: see `Encoding`.
        dilation, level, budget: see `Effort`.
        mask: a picture of the size at which the source is shown, white where the network shall work.
        tolerance, tile, reuse: see `VideoUpscaler`.
        overwrite: replace an output that exists.
        json_file: where the report goes as JSON; `-` shows it in place of the line.
        trained_for, device, threshold, strategy, dense, threads, precision: as `load` takes them.
    """

    source: Path
    output: Path | None = None
    scale: int | None = None
    height: int | None = None
    start: float = 0
    duration: float | None = None
    deinterlace: bool = False
    encoder: str | None = None
    crf: float | None = None
    preset: str | None = None
    pixel_format: str | None = None
    dilation: int | None = None
    level: str | None = None
    budget: float | None = None
    mask: Path | None = None
    tolerance: float = TOLERANCE
    tile: int | None = None
    reuse: bool = True
    overwrite: bool = False
    json_file: Path | None = None
    trained_for: Purpose | None = None
    device: Device = "auto"
    threshold: float | None = None
    strategy: Strategy = "kmeans"
    dense: bool = False
    threads: int | None = None
    precision: PrecisionChoice | None = "auto"

    def check(self) -> None:
        """Raise UserError for values out of their range, and for options that contradict each other."""
        check_report_file(self.json_file, ".json", [self.source, self.mask])
        if not 0 <= self.start <= LONGEST:
            raise UserError(f"`start` {self.start:g} is no time in a video; give 0 seconds or more")
        if self.duration is not None and not 0 < self.duration <= LONGEST:
            raise UserError(f"`duration` {self.duration:g} is no length of a video; give more than 0 seconds")
        self.effort.check(self.mask, self.settings())

    @property
    def effort(self) -> Effort:
        """How much work a frame is worth."""
        return Effort(self.dilation, self.level, self.budget)

    @property
    def encoding(self) -> Encoding:
        """What the encoder is asked for."""
        return Encoding(self.encoder, self.crf, self.preset, self.pixel_format)

    def settings(self) -> PictureSettings:
        """Make the keyword arguments of `load`, without the model."""
        return PictureSettings(
            trained_for=self.trained_for,
            device=self.device,
            dilation=self.effort.chosen_dilation,
            threshold=self.threshold,
            strategy=self.strategy,
            dense=self.dense,
            threads=self.threads,
            precision=self.precision,
        )

    def wanted_size(self, model: str | Path) -> OutputSize:
        """Choose the size of the output: by default the smallest scale of a shipped model, as speed comes first."""
        ships = model in BACKBONES and self.height is None
        scales = shipped_scales(str(model), self.dense, self.trained_for) if ships else ()
        return OutputSize(self.scale or min(scales, default=None), height=self.height)

    def video_upscaler(self, upscaler: Upscaler, size: Size, orientation: int) -> VideoUpscaler:
        """Make what upscales the frames of a size, which are shown in an EXIF orientation.

        Raises:
            AmsrError: a mask that cannot be read, values that do not fit.
        """
        region = None
        if self.mask is not None:
            region = turned(image.read_mask(self.mask, turned_size(size, orientation)), INVERSE[orientation])
        return VideoUpscaler(
            upscaler, tolerance=self.tolerance, tile=self.tile, reuse=self.reuse, mask=region, budget=self.budget
        )

    def target(self, size: str) -> Path:
        """Choose the file to write, or standard output.

        Args:
            size: what the size of the result is called in names, such as `x2`.

        Raises:
            UserError: it is an input, or standard output is a terminal.
            FileError: it cannot be written, or exists and may not be replaced.
        """
        target = self.output or self._default_output(size)
        if target == STANDARD:
            check_standard_output("video")
            return target
        check_not_read(target, [self.source, self.mask])
        if target.is_file() and not self.overwrite:
            raise FileError(f"{target} exists; replace it with `overwrite`, or choose another name")
        check_writable(target)
        return target

    def _default_output(self, size: str) -> Path:
        """Name the output after the source, with its suffix or else that of Matroska, which holds most streams."""
        if self.source == STANDARD:
            return STANDARD
        suffix = self.source.suffix.lower()
        return self.source.with_name(f"{self.source.stem}_{size}{suffix if suffix in SUFFIXES else '.mkv'}")
