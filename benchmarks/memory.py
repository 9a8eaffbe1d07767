"""Show how much memory `amsr infer` takes for a large picture, and for how long.

    python benchmarks/memory.py 12000x6000                       # RGB to PNG, FSRCNN
    python benchmarks/memory.py 4032x3024 --alpha --output tif
    python benchmarks/memory.py 4032x3024 --output jpg -- --tile 256 --threads 1

The picture repeats a photo. Each size runs in a process of its own, whose largest resident memory is written as a row
of a Markdown table. Options after -- are those of `amsr infer`.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from amsr_deploy.image import Layout, StripWriter
from amsr_deploy.image.formats import WRITABLE

PHOTO = Path(__file__).parent.parent / "examples" / "osprey.png"


def write_picture(path: Path, width: int, height: int, alpha: bool) -> None:
    """Write a picture that repeats the photo; with alpha its left half is half transparent, with soft edges."""
    with Image.open(PHOTO) as file:
        photo = np.asarray(file.convert("RGBA" if alpha else "RGB")).copy()
    if alpha:
        photo[:, : photo.shape[1] // 2, 3] = np.linspace(0, 255, photo.shape[1] // 2)
    rows = np.tile(photo, (1, -(-width // photo.shape[1]), 1))[:, :width]
    with StripWriter(path, Layout((height, width), photo.shape[2], 8)) as writer:
        for top in range(0, height, len(rows)):
            writer.write(rows[: height - top])


def measure(arguments: list[str]) -> tuple[float, float]:
    """Run a command line of `amsr`; return the largest resident memory in GiB, and the seconds."""
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "amsr_deploy", *arguments])
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"amsr {' '.join(arguments)} failed")
    unit = 1 if sys.platform == "darwin" else 1024
    return usage.ru_maxrss * unit / 2**30, time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sizes", nargs="+", metavar="WIDTHxHEIGHT", help="size of the picture before it is upscaled")
    parser.add_argument("--alpha", action="store_true", help="RGB with transparency")
    parser.add_argument("--backbone", default="fsrcnn", help="default: %(default)s")
    parser.add_argument("--output", default="png", choices=sorted(suffix[1:] for suffix in WRITABLE))
    own, options = (sys.argv[1:], []) if "--" not in sys.argv else split(sys.argv[1:])
    arguments = parser.parse_args(own)
    print("| picture | output | peak memory GiB | seconds |\n| --- | --- | ---: | ---: |")
    for size in arguments.sizes:
        width, height = map(int, size.split("x"))
        with tempfile.TemporaryDirectory() as folder:
            source, target = Path(folder, "a.png"), Path(folder, f"b.{arguments.output}")
            write_picture(source, width, height, arguments.alpha)
            command = ["-q", "infer", str(source), "-o", str(target), "--backbone", arguments.backbone, *options]
            memory, seconds = measure(command)
            made = f"{target.suffix[1:]}, {target.stat().st_size / 2**20:.0f} MiB"
        kind = "RGBA" if arguments.alpha else "RGB"
        print(f"| {size} {kind} | {made} | {memory:.2f} | {seconds:.0f} |", flush=True)


def split(arguments: list[str]) -> tuple[list[str], list[str]]:
    """Separate our own arguments from those after `--`."""
    place = arguments.index("--")
    return arguments[:place], arguments[place + 1 :]


if __name__ == "__main__":
    main()
