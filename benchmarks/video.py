"""Time video with and without reuse, on clips that are made of photos and on files, and find the loss of a tolerance.

    python benchmarks/video.py PHOTO OBJECT CLIP.mp4 ... --size 640x360 --scale 2 4 --markdown docs/benchmarks/video.md
    python benchmarks/video.py PHOTO OBJECT --size 320x180 --frames 24 --tolerances   # of compressed clips

All that is compared runs in turns, on the same frames: it needs the extras `video`, `openvino` and `onnx`. Prints
Markdown tables, or puts them into a file.
"""

from __future__ import annotations

import argparse
import io
import itertools
import math
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

import amsr_deploy
from amsr_deploy.commands.messages import describe_failure
from amsr_deploy.descriptor import PRECISION_CHOICES, PrecisionChoice
from amsr_deploy.errors import AmsrError
from amsr_deploy.evaluation.bench.machine import examine_machine
from amsr_deploy.evaluation.bench.markdown import Section, Table, write_sections
from amsr_deploy.evaluation.bench.openvino import OpenVinoModel
from amsr_deploy.evaluation.metrics import psnr
from amsr_deploy.image.arrays import as_batch, to_float
from amsr_deploy.runtime.shipped import shipped_model
from amsr_deploy.video.frames import VideoUpscaler
from amsr_deploy.video.reuse import TOLERANCE

OBJECT_SHARE = 0.15
GRAIN = 4  # standard deviation, of 255

DENSE_FRAMES = 3  # of each clip: their time does not depend on what is in them

Frame = NDArray[np.uint8]
Clock = Callable[[], float]


def fitted(path: Path, width: int, height: int) -> Frame:
    """Open a photo, and fit it to a size."""
    with Image.open(path) as file:
        return fit(file.convert("RGB"), width, height)


def fit(photo: Image.Image, width: int, height: int) -> Frame:
    """Reduce or enlarge a picture until it covers a size, and crop its middle; one of that size stays as it is."""
    return np.asarray(ImageOps.fit(photo, (width, height), Image.Resampling.LANCZOS))


def static(photo: Frame, thing: Frame, count: int) -> Iterator[Frame]:
    """Make a clip of a still camera, and of a square of 15 % of the picture that moves by 2 pixels a frame."""
    height, width = photo.shape[:2]
    side = min(round(math.sqrt(OBJECT_SHARE * height * width)), height - 2)
    for k in range(count):
        frame, left = photo.copy(), width // 4 + 2 * k
        frame[height // 5 : height // 5 + side, left : left + side] = thing[:side, :side]
        yield frame


def pan(photo: Frame, _: Frame, count: int) -> Iterator[Frame]:
    """Move by a pixel a frame."""
    for k in range(count):
        yield np.roll(photo, -k, axis=1)


def cuts(photo: Frame, thing: Frame, count: int) -> Iterator[Frame]:
    """Show two pictures that stand, one after the other."""
    for k in range(count):
        yield (photo, thing)[k * 2 // count]


def grain(photo: Frame, _: Frame, count: int) -> Iterator[Frame]:
    """Make a clip of a still picture under noise."""
    random = np.random.default_rng(0)
    for _ in range(count):
        yield np.clip(photo + random.normal(0, GRAIN, photo.shape), 0, 255).astype(np.uint8)


CLIPS = (static, pan, cuts, grain)


def compressed(frames: list[Frame], crf: int) -> list[Frame]:
    """Return what H.264 leaves of a clip."""
    import av

    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as output:
        stream = output.add_stream("libx264", rate=25, options={"crf": str(crf)})
        stream.height, stream.width, stream.pix_fmt = *frames[0].shape[:2], "yuv420p"
        for frame in frames:
            output.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        output.mux(stream.encode(None))
    file.seek(0)
    with av.open(file) as source:
        return [frame.to_ndarray(format="rgb24") for frame in source.decode(video=0)]


def read(path: Path, width: int, height: int, count: int) -> Iterator[Frame]:
    """Read the first frames of a file."""
    import av

    with av.open(str(path)) as source:
        for frame in itertools.islice(source.decode(video=0), count):
            yield fit(frame.to_image(), width, height)


@dataclass
class Way:
    """A way to upscale frames, and the seconds that each took."""

    run: Callable[[Frame], Any]
    clock: Clock
    seconds: list[float] = field(default_factory=list)

    def upscale(self, frame: Frame) -> Any:
        """Do it, and keep the time."""
        started = self.clock()
        result = self.run(frame)
        self.seconds.append(self.clock() - started)
        return result

    @property
    def rate(self) -> float:
        """Frames a second; the first, which nothing can be kept for, does not count."""
        return (len(self.seconds) - 1) / sum(self.seconds[1:])


class Networks:
    """DISP of a scale: masked in a precision, and dense in float32."""

    def __init__(self, scale: int, threads: int, precision: PrecisionChoice) -> None:
        self.masked = amsr_deploy.load("disp", scale=scale, device="cpu", threads=threads, precision=precision)
        self.dense = amsr_deploy.load(
            "disp", scale=scale, device="cpu", threads=threads, dense=True, precision="float32"
        )
        self.openvino = OpenVinoModel(shipped_model("disp", scale, dense=True), threads, "f32")

    def row(self, frames: Iterator[Frame], clock: Clock) -> list[str]:
        """Time all ways on a clip."""
        openvino = Way(lambda frame: self.openvino.run(as_batch(to_float(frame))), clock)
        dense = Way(self.dense.upscale, clock)
        every = Way(VideoUpscaler(self.masked, tolerance=0, reuse=False).upscale, clock)
        exact, near = (Way(VideoUpscaler(self.masked, tolerance=t).upscale, clock) for t in (0, TOLERANCE))
        same, kept, quality = [], [], []
        for number, frame in enumerate(frames):
            if number < DENSE_FRAMES:
                openvino.upscale(frame)
                dense.upscale(frame)
            reference, equal, result = every.upscale(frame), exact.upscale(frame), near.upscale(frame)
            assert np.array_equal(reference.image, equal.image)
            same.append(equal.reused)
            kept.append(result.reused)
            quality.append(psnr(result.image, reference.image, border=0))
        return [
            *(f"{way.rate:.2f}" for way in (openvino, dense, every, exact)),
            f"{exact.rate / every.rate:.1f}",
            f"{np.mean(same[1:]):.0%}",
            f"{near.rate:.2f}",
            f"{near.rate / every.rate:.1f}",
            f"{np.mean(kept[1:]):.0%}",
            f"{min(quality[1:]):.1f}",
        ]


COLUMNS = [
    "clip",
    "OpenVINO dense",
    "ONNX Runtime dense",
    "masked",
    "tolerance 0",
    "gain",
    "reused",
    f"tolerance {TOLERANCE}",
    "gain",
    "reused",
    "PSNR to masked",
]


def compare_tolerances(photo: Frame, thing: Frame, scale: int, count: int) -> None:
    """Print what tolerances and tiles keep of compressed clips, and what that loses."""
    upscaler = amsr_deploy.load("disp", scale=scale, device="cpu")
    print("| clip | CRF | tile | tolerance | computed | PSNR to no reuse, worst frame |\n| --- |" + " ---: |" * 5)
    for clip, crf in ((static, 18), (static, 28), (cuts, 28)):
        frames = compressed(list(clip(photo, thing, count)), crf)
        every = VideoUpscaler(upscaler, tolerance=0, reuse=False)
        references = [every.upscale(frame).image for frame in frames]
        for tile, tolerance in ((8, 0), *((16, tolerance) for tolerance in (1, 2, 3, 4, 6)), (8, 3), (32, 3), (64, 3)):
            video = VideoUpscaler(upscaler, tolerance=tolerance, tile=tile)
            results = [video.upscale(frame) for frame in frames]
            quality = min(
                psnr(result.image, image, border=0) for result, image in zip(results, references, strict=True)
            )
            computed = 1 - np.mean([result.reused for result in results[1:]])
            print(f"| {clip.__name__} | {crf} | {tile} | {tolerance} | {computed:.0%} | {quality:.1f} |", flush=True)


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photo", type=Path)
    parser.add_argument("object", type=Path)
    parser.add_argument("files", type=Path, nargs="*", metavar="CLIP", help="videos; their first frames are measured")
    parser.add_argument("--size", default="640x360")
    parser.add_argument("--scale", type=int, nargs="+", default=[2])
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--precision", choices=PRECISION_CHOICES, default="auto", help="of the masked network")
    parser.add_argument("--cpu-time", action="store_true", help="time of the processor: use it with --threads 1")
    parser.add_argument("--tolerances", action="store_true")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="replace the tables of this file")
    given = parser.parse_args()
    if given.frames < 2:
        parser.error("--frames must be 2 or more, as the first does not count")
    return given


def measure(given: argparse.Namespace) -> None:
    """Print what the command line asks for.

    Raises:
        ModuleNotFoundError: OpenVINO or PyAV is not installed.
    """
    width, height = map(int, given.size.split("x"))
    photo, thing = (fitted(path, width, height) for path in (given.photo, given.object))
    if given.tolerances:
        compare_tolerances(photo, thing, given.scale[0], given.frames)
        return
    clips = {clip.__name__: partial(clip, photo, thing, given.frames) for clip in CLIPS}
    clips |= {path.stem: partial(read, path, width, height, given.frames) for path in given.files}
    clock, unit = (time.process_time, "processor time") if given.cpu_time else (time.perf_counter, "wall time")
    machine = examine_machine(given.threads)
    for scale in given.scale:
        networks = Networks(scale, given.threads, given.precision)
        rows = [[name, *networks.row(clip(), clock)] for name, clip in clips.items()]
        title = f"{given.size}, {networks.masked.model}, frames/s of {unit}; {machine}"
        section = Section(f"video x{scale} {machine.instruction_set}", title, Table(COLUMNS, rows))
        print(section.markdown(), end="\n\n", flush=True)
        if given.markdown:
            write_sections(given.markdown, [section])


def main() -> None:
    """Measure, or say in a line which package is missing."""
    try:
        measure(parse())
    except (AmsrError, ModuleNotFoundError) as error:
        sys.exit(f"error: {describe_failure(error)}")


if __name__ == "__main__":
    main()
