"""A folder of HR pictures: decoded once, with LR versions, on all cores."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from amsr_deploy.descriptor import SCALE
from amsr_deploy.errors import ImageError, TrainingError
from amsr_deploy.evaluation.degradations import low_resolution, picture_paths, read_rgb


@dataclass(frozen=True)
class Pair:
    """A picture at both sizes.

    Attributes:
        hr: [4H, 4W, 3] uint8 RGB.
        lr: [H, W, 3] uint8 RGB.
    """

    hr: NDArray[np.uint8]
    lr: NDArray[np.uint8]


@dataclass(frozen=True)
class File:
    """What identifies a picture file: its name in the folder, its length and digest."""

    name: str
    bytes: int
    sha256: str


@dataclass
class Pictures:
    """The pictures of a folder.

    Attributes:
        pairs: each usable picture at each reduction that is not too small.
        files: the files they come from.
        skipped: one line for each file that could not be used, and why.
    """

    pairs: list[Pair] = field(default_factory=list)
    files: list[File] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)


def read_pictures(folder: Path, smallest: int, reductions: tuple[float, ...] = (1.0,)) -> Pictures:
    """Decode the pictures directly in a folder, make their LR versions.

    Args:
        folder: HR pictures; grey, palette and transparent ones are read as RGB.
        smallest: LR pixels that each side must have.
        reductions: sizes at which each picture enters, in (0, 1].

    Raises:
        UserError: not a folder, or no picture in it.
        TrainingError: no usable picture in it.
    """
    paths = picture_paths(folder)
    pictures = Pictures()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for outcome in pool.map(lambda path: _read(path, smallest, reductions), paths):
            if isinstance(outcome, str):
                pictures.skipped.append(outcome)
            else:
                file, pairs = outcome
                pictures.files.append(file)
                pictures.pairs.extend(pairs)
    if not pictures.pairs:
        more = f" and {len(pictures.skipped) - 1} more" if len(pictures.skipped) > 1 else ""
        raise TrainingError(f"{folder} holds no usable picture: {pictures.skipped[0]}{more}")
    return pictures


def _read(path: Path, smallest: int, reductions: tuple[float, ...]) -> tuple[File, list[Pair]] | str:
    """A file and its pictures, or why there are none."""
    try:
        content = path.read_bytes()
        picture = read_rgb(path)
    except (ImageError, OSError) as error:
        return str(error)
    pairs = list(_pairs(picture, smallest, reductions))
    side = smallest * SCALE
    if not pairs:
        return f"{path} is {picture.width}x{picture.height}, smaller than {side}x{side}, the least that can be used"
    return File(path.name, len(content), hashlib.sha256(content).hexdigest()), pairs


def _pairs(picture: Image.Image, smallest: int, reductions: tuple[float, ...]) -> Iterator[Pair]:
    for reduction in reductions:
        width, height = (int(side * reduction) // SCALE * SCALE for side in picture.size)
        if min(width, height) >= smallest * SCALE:
            box = (0, 0, width / reduction, height / reduction)
            reduced = picture.resize((width, height), Image.Resampling.BICUBIC, box=box)
            yield Pair(np.array(reduced), np.array(low_resolution(reduced, SCALE)))
