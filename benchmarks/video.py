"""Time video with and without reuse on clips that are made of photos, and find the loss of a tolerance.

    python benchmarks/video.py PHOTO OBJECT --size 640x360 --scale 2 --frames 8      # frames/s
    python benchmarks/video.py PHOTO OBJECT --size 320x180 --scale 2 --frames 24 --tolerances   # of compressed clips

All that is compared runs in turns, on the same frames; medians count. Writes Markdown tables to standard output.
"""

from __future__ import annotations

import argparse
import io
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import amsr_deploy
from amsr_deploy.evaluation.bench.openvino import OpenVinoModel
from amsr_deploy.image.arrays import to_float
from amsr_deploy.runtime.shipped import shipped_model
from amsr_deploy.video.frames import TOLERANCE, VideoUpscaler

OBJECT_SHARE = 0.15
GRAIN = 4  # standard deviation, of 255

Frame = NDArray[np.uint8]


def fitted(path: Path, width: int, height: int) -> Frame:
    """Reduce a photo until it covers a size, and crop its middle."""
    with Image.open(path) as file:
        photo = file.convert("RGB")
    factor = max(width / photo.width, height / photo.height)
    photo = photo.resize((math.ceil(photo.width * factor), math.ceil(photo.height * factor)), Image.Resampling.LANCZOS)
    left, top = (photo.width - width) // 2, (photo.height - height) // 2
    return np.asarray(photo.crop((left, top, left + width, top + height)))


def static(photo: Frame, thing: Frame, count: int) -> Iterator[Frame]:
    """Make a clip of a still camera, and of a square of 15 % of the picture that moves by 2 pixels a frame."""
    height, width = photo.shape[:2]
    side = min(round(math.sqrt(OBJECT_SHARE * height * width)), height - 2)
    for k in range(count):
        frame, left = photo.copy(), width // 4 + 2 * k
        frame[height // 5 : height // 5 + side, left : left + side] = thing[:side, :side]
        yield frame


def pan(photo: Frame, _: Frame, count: int) -> Iterator[Frame]:
    """One pixel a frame."""
    for k in range(count):
        yield np.roll(photo, -k, axis=1)


def cuts(photo: Frame, thing: Frame, count: int) -> Iterator[Frame]:
    """Two pictures that stand, in turns."""
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


def psnr(image: Frame, reference: Frame) -> float:
    """In dB, infinite where they are equal."""
    error = float(np.mean((image.astype(np.float32) - reference) ** 2))
    return math.inf if error == 0 else 10 * math.log10(255**2 / error)


def time_clips(photo: Frame, thing: Frame, scale: int, count: int, threads: int, clock: Callable[[], float]) -> None:
    """Print frames/s of all ways; the first frame of each clip does not count."""
    masked = amsr_deploy.load("disp", scale=scale, device="cpu", threads=threads)
    dense = amsr_deploy.load("disp", scale=scale, device="cpu", threads=threads, dense=True)
    openvino = OpenVinoModel(shipped_model("disp", scale, dense=True), threads, "f32")
    unit = "processor time" if clock == time.process_time else "wall time"
    print(f"*{masked.backend}, {threads} threads; {photo.shape[1]}x{photo.shape[0]}, x{scale}; frames/s of {unit}*\n")
    columns = f"clip | OpenVINO dense | ONNX Runtime dense | masked | reuse, tolerance 0 | reuse, tolerance {TOLERANCE}"
    print(f"| {columns} | gain | computed | density | PSNR to masked |\n| --- |" + " ---: |" * 9)
    for clip in CLIPS:
        exact, near = (VideoUpscaler(masked, tolerance=tolerance) for tolerance in (0, TOLERANCE))
        every = VideoUpscaler(masked, tolerance=0, reuse=False)
        ways: list[Callable[[Frame], object]] = [
            lambda frame: openvino.run(to_float(frame).transpose(2, 0, 1)[None].copy()),
            dense.upscale,
            every.upscale,
            exact.upscale,
            near.upscale,
        ]
        seconds: list[list[float]] = [[] for _ in ways]
        results = []
        for frame in clip(photo, thing, count):
            for way, times in zip(ways, seconds, strict=True):
                started = clock()
                result = way(frame)
                times.append(clock() - started)
                if way == every.upscale:
                    reference = result
            results.append((result.reused, result.density, psnr(result.image, reference.image)))
        rates = [1 / (sum(times[1:]) / len(times[1:]) if clip is cuts else median(times[1:])) for times in seconds]
        reused, density, quality = (list(column) for column in zip(*results[1:], strict=True))
        print(
            f"| {clip.__name__} | {' | '.join(f'{rate:.2f}' for rate in rates)} | {rates[4] / rates[2]:.1f} "
            f"| {1 - np.mean(reused):.0%} | {np.mean(density):.2f} | {min(quality):.1f} |",
            flush=True,
        )


def compare_tolerances(photo: Frame, thing: Frame, scale: int, count: int) -> None:
    """Print what tolerances and tiles keep of compressed clips, and what that loses."""
    upscaler = amsr_deploy.load("disp", scale=scale, device="cpu")
    print("| clip | CRF | tile | tolerance | computed | PSNR to no reuse, worst frame |\n| --- |" + " ---: |" * 5)
    for clip, crf in ((static, 18), (static, 28), (cuts, 28)):
        frames = compressed(list(clip(photo, thing, count)), crf)
        every = VideoUpscaler(upscaler, tolerance=0, reuse=False)
        references = [every.upscale(frame).image for frame in frames]
        for tile, tolerance in ((32, 0), (32, 1), (32, 2), (32, 3), (32, 4), (32, 6), (16, 2), (48, 2), (64, 2)):
            video = VideoUpscaler(upscaler, tolerance=tolerance, tile=tile)
            results = [video.upscale(frame) for frame in frames]
            quality = min(psnr(result.image, image) for result, image in zip(results, references, strict=True))
            computed = 1 - np.mean([result.reused for result in results[1:]])
            print(f"| {clip.__name__} | {crf} | {tile} | {tolerance} | {computed:.0%} | {quality:.1f} |", flush=True)


def main() -> None:
    """Parse and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photo", type=Path)
    parser.add_argument("object", type=Path)
    parser.add_argument("--size", default="640x360")
    parser.add_argument("--scale", type=int, default=2)
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--cpu-time", action="store_true", help="time of the processor: use it with --threads 1")
    parser.add_argument("--tolerances", action="store_true")
    given = parser.parse_args()
    width, height = map(int, given.size.split("x"))
    photo, thing = (fitted(path, width, height) for path in (given.photo, given.object))
    if given.tolerances:
        compare_tolerances(photo, thing, given.scale, given.frames)
    else:
        clock = time.process_time if given.cpu_time else time.perf_counter
        time_clips(photo, thing, given.scale, given.frames, given.threads, clock)


if __name__ == "__main__":
    main()
