"""Show what is around the network: the pieces of one picture's time, and the time between networks in a batch.

    python benchmarks/around.py PHOTO --size 960x540 --threads 2       # the pieces
    python benchmarks/around.py PHOTO --size 240x160 --batch 50        # that many pictures by one `amsr infer`

The photo is reduced to the size, and stays in its format, PNG or JPEG: PNG takes longer to read.
Writes Markdown tables to standard output: medians of milliseconds, and their share of the network's.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import mean, median
from typing import Any

from PIL import Image

import amsr_deploy
from amsr_deploy import image
from amsr_deploy.cli import main as amsr
from amsr_deploy.runtime.backends.onnxruntime import OnnxRuntimeBackend
from amsr_deploy.runtime.picture_strips import PictureStrips
from amsr_deploy.runtime.upscaler import Upscaler

Run = tuple[float, float]
"""When a network began and ended."""


def record_runs() -> list[Run]:
    """Let ONNX Runtime's backend note when it runs."""
    run, runs = OnnxRuntimeBackend.run, []

    def noted(*arguments: Any) -> Any:
        started = time.perf_counter()
        result = run(*arguments)
        runs.append((started, time.perf_counter()))
        return result

    OnnxRuntimeBackend.run = noted  # type: ignore[method-assign]
    return runs


def pieces(source: Path, target: Path, upscaler: Upscaler, runs: list[Run]) -> dict[str, float]:
    """Upscale a picture as `amsr infer` does; return the seconds of each piece."""
    seconds: dict[str, float] = {}

    def timed(name: str, work: Callable[[], Any]) -> Any:
        started = time.perf_counter()
        result = work()
        seconds[name] = seconds.get(name, 0) + time.perf_counter() - started
        return result

    runs.clear()
    target.unlink(missing_ok=True)  # to replace a file would be more work than to write one
    picture = timed("read the picture", lambda: image.read(source))
    strips = timed("mask", lambda: PictureStrips(upscaler.prepare, picture))
    writer = timed("write: copy, compress", lambda: image.open_strips(target, picture, strips.size))
    rows = strips.samples(writer.channels, writer.bits)
    while (strip := timed("tiles", lambda: next(rows, None))) is not None:
        timed("write: copy, compress", lambda strip=strip: writer.write(strip))
    timed("write: end of the file", lambda: writer.__exit__(None, None, None))
    network = sum(ended - started for started, ended in runs)
    seconds["network"] = network
    seconds["cut tiles, make pixels of planes"] = seconds.pop("tiles") - network
    return seconds


def show_pieces(source: Path, target: Path, upscaler: Upscaler, repeats: int) -> None:
    """Print the pieces of a picture's time."""
    runs = record_runs()
    pieces(source, target, upscaler, runs)  # memory grows to its size
    measured = [pieces(source, target, upscaler, runs) for _ in range(repeats)]
    medians = {name: median(each[name] for each in measured) for name in measured[0]}
    network = medians.pop("network")
    rows = {"network": network, **medians, "all but the network": sum(medians.values())}
    print("| piece | ms | of the network |\n| --- | ---: | ---: |")
    for name, seconds in rows.items():
        print(f"| {name} | {1000 * seconds:.1f} | {seconds / network:.1%} |")


def show_batch(folder: Path, backbone: str, threads: int | None) -> None:
    """Print the time between the networks of the pictures in a folder, which have one tile each."""
    runs = record_runs()
    options = [] if threads is None else ["--threads", str(threads)]
    command = [
        "-q",
        "infer",
        str(folder),
        "-o",
        str(folder / "out"),
        "--backbone",
        backbone,
        "--tile",
        "1000",
        *options,
    ]
    started = time.perf_counter()
    run_command(command)
    total = time.perf_counter() - started
    networks = [after - before for before, after in runs]
    gaps = [runs[i + 1][0] - runs[i][1] for i in range(len(runs) - 1)]
    print("| pictures | network ms | between networks ms | share | all s |\n| ---: | ---: | ---: | ---: | ---: |")
    share = mean(gaps) / mean(networks)
    print(f"| {len(runs)} | {1000 * mean(networks):.1f} | {1000 * mean(gaps):.1f} | {share:.1%} | {total:.2f} |")


def run_command(arguments: list[str]) -> None:
    """Run a command line of `amsr` in this process."""
    try:
        amsr(arguments)
    except SystemExit as end:
        if end.code:
            raise


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photo", type=Path)
    parser.add_argument(
        "--size", default="960x540", help="width and height before it is upscaled; default: %(default)s"
    )
    parser.add_argument("--backbone", default="fsrcnn", help="default: %(default)s")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--repeats", type=int, default=7, help="default: %(default)s")
    parser.add_argument("--batch", type=int, metavar="COUNT", help="upscale this many copies")
    arguments = parser.parse_args()
    width, height = map(int, arguments.size.split("x"))
    with tempfile.TemporaryDirectory() as name, Image.open(arguments.photo) as file:
        folder, suffix = Path(name), arguments.photo.suffix
        small = file.convert("RGB").resize((width, height), Image.Resampling.LANCZOS)
        for number in range(arguments.batch or 1):
            small.save(folder / f"{number}{suffix}", quality=95)
        if arguments.batch:
            show_batch(folder, arguments.backbone, arguments.threads)
        else:
            upscaler = amsr_deploy.load(arguments.backbone, threads=arguments.threads)
            print(f"*{arguments.backbone}, {width}x{height}, {upscaler.backend}*\n")
            show_pieces(folder / f"0{suffix}", folder / "large.png", upscaler, arguments.repeats)


if __name__ == "__main__":
    main()
