"""Show how far cuts are from what is none: pans, zooms, shaking cameras, fades, grain, made of photos.

    python benchmarks/cuts.py PHOTO...            # two or more, of 2560 pixels or more
    python benchmarks/cuts.py --clip CLIP.mp4     # the frames of a file with which scenes begin

Prints a Markdown table of the jumps of `CutDetector`, of 255: the largest of each kind that is no cut, and the smallest
of each kind that is one. Clips have 640x360 pixels. Their first change counts only for kinds that begin from rest.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from amsr_deploy.image.arrays import to_float
from amsr_deploy.video.cuts import JUMP, CutDetector

WIDTH, HEIGHT = 640, 360
SOURCE_WIDTH = 2 * WIDTH  # of the part of a photo that a clip shows
COUNT = 14  # frames of a clip

Photo = Image.Image
Frames = Iterable[NDArray[np.float32]]


def opened(path: Path) -> Photo:
    """Open a photo, and reduce it to twice the width of a clip, so that a camera can move over it."""
    with Image.open(path) as file:
        photo = file.convert("RGB")
    size = (2 * SOURCE_WIDTH, round(photo.height * 2 * SOURCE_WIDTH / photo.width))
    return photo.resize(size, Image.Resampling.LANCZOS, reducing_gap=2)


def shot(photo: Photo, right: float = 0, down: float = 0, zoom: float = 1) -> NDArray[np.float32]:
    """Return what a camera sees that looks at the middle of a photo, or beside it by some pixels of the clip."""
    width, height = SOURCE_WIDTH / zoom, 2 * HEIGHT / zoom
    left = min(max(photo.width / 2 + 2 * right - width / 2, 0), photo.width - width)
    top = min(max(photo.height / 2 + 2 * down - height / 2, 0), photo.height - height)
    box = (left, top, left + width, top + height)
    return to_float(np.asarray(photo.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC, box=box, reducing_gap=3)))


def pan(photo: Photo, step: float) -> Frames:
    """Move by some pixels a frame."""
    return [shot(photo, right=step * (k - COUNT / 2)) for k in range(COUNT)]


def zoom(photo: Photo, factor: float) -> Frames:
    """Enlarge from frame to frame."""
    return [shot(photo, zoom=0.6 * factor**k) for k in range(COUNT)]


def shake(photo: Photo, deviation: float) -> Frames:
    """Look elsewhere in each frame."""
    places = np.random.default_rng(0).normal(0, deviation, (COUNT, 2))
    return [shot(photo, right, down) for right, down in places]


def fade(photo: Photo, over: int) -> Frames:
    """Fade from black in so many frames, and back."""
    picture = shot(photo)
    return [picture * np.float32(min(k, 2 * over - k) / over) for k in range(2 * over + 1)]


def grain(photo: Photo, deviation: float) -> Frames:
    """Add noise of a standard deviation, of 255."""
    picture, random = shot(photo), np.random.default_rng(0)
    noise = (random.normal(0, deviation / 255, picture.shape) for _ in range(COUNT))
    return [np.clip(picture + each, 0, 1).astype(np.float32) for each in noise]


def cross_fade(photo: Photo, other: Photo, over: int) -> Frames:
    """Fade from one to the other in so many frames."""
    before, after = shot(photo), shot(other)
    return [before + (after - before) * np.float32(k / over) for k in range(over + 1)]


def cut(photo: Photo, other: Photo, step: float) -> Frames:
    """Cut from one to the other at once, while the camera moves by some pixels a frame."""
    return [shot(photo if k < 4 else other, right=step * k) for k in range(5)]


def jumps(frames: Frames) -> list[float]:
    """Return the jumps of all frames but the first."""
    cuts = CutDetector()
    return [255 * cuts.jump(frame) for frame in frames][1:]


def of_one(photos: list[Photo]) -> Iterator[tuple[str, float]]:
    """Yield kinds of clips without a cut, and their largest jump."""
    kinds: list[tuple[str, Callable[[Photo, float], Frames], tuple[float, ...]]] = [
        ("pan, pixels a frame", pan, (1, 3, 8, 16, 32)),
        ("zoom, times a frame", zoom, (1.02, 1.06, 1.12)),
        ("shaking camera, pixels", shake, (3, 8, 16)),
        ("grain", grain, (4, 12)),
    ]
    for name, make, values in kinds:
        for value in values:
            yield f"{name}: {value}", max(max(jumps(make(photo, value))[1:]) for photo in photos)
    for over in (25, 12, 6):
        yield f"fade, frames: {over}", max(max(jumps(fade(photo, over))) for photo in photos)
    for step in (3, 8):
        yield f"start of a pan: {step}", max(jumps([shot(photo), shot(photo, step)])[0] for photo in photos)


def of_two(photos: list[Photo]) -> Iterator[tuple[str, float]]:
    """Yield kinds of clips of two photos: cross-fades and their largest jump, cuts and their smallest."""
    pairs = list(itertools.permutations(photos, 2))
    for over in (25, 12, 6):
        yield f"cross-fade, frames: {over}", max(max(jumps(cross_fade(*pair, over))) for pair in pairs)
    for step in (0, 1, 8):
        yield f"**cut** in a pan: {step}", min(jumps(cut(*pair, step))[-1] for pair in pairs)


def beginnings(path: Path) -> list[int]:
    """Return the numbers of the frames with which scenes of a file begin.

    Raises:
        ModuleNotFoundError: PyAV is not installed.
    """
    import av

    cuts = CutDetector()
    with av.open(str(path)) as file:
        pictures = (to_float(frame.to_ndarray(format="rgb24")) for frame in file.decode(video=0))
        return [number for number, picture in enumerate(pictures) if cuts.begins_scene(picture)]


def main() -> None:
    """Print what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path, nargs="*", metavar="PHOTO")
    parser.add_argument("--clip", type=Path, action="append", default=[])
    given = parser.parse_args()
    if len(given.photos) == 1 or not (given.photos or given.clip):
        parser.error("give two photos or more, or --clip")
    for path in given.clip:
        print(f"{path.name}: scenes begin with the frames {beginnings(path)}")
    if given.photos:
        photos = [opened(path) for path in given.photos]
        print(f"A cut is above {255 * JUMP:.0f}.\n\n| kind | jump |\n| --- | ---: |")
        for name, jump in itertools.chain(of_one(photos), of_two(photos)):
            print(f"| {name} | {jump:.1f} |", flush=True)


if __name__ == "__main__":
    main()
