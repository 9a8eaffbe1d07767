"""What is measured: which pictures, networks and dilations, and what stands in for the paper's test sets."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from amsr_deploy.descriptor import Strategy
from amsr_deploy.evaluation.bench.twins import shipped_backbones
from amsr_deploy.image.arrays import to_float
from amsr_deploy.image.pairs import crop_to_scale, low_resolution, picture_paths, read_rgb, reduce_to_width
from paper.records import Store

SCALE = 4
"""Of the paper's tables."""
DILATIONS = (1, 3, 5, 7, 9, 11)
"""Of the paper's Fig. 6."""
STRATEGIES: tuple[Strategy, ...] = ("kmeans", "fixed", "median")
"""Of the paper's Table 4."""


@dataclass(frozen=True)
class PictureSet:
    """A folder of HR pictures.

    Attributes:
        name: of the set in tables.
        folder: below the folder of data.
        width: to which the pictures are reduced, antialiased; None leaves them as they are.
        most: pictures that are measured, the first by name; None is all.
    """

    name: str
    folder: str
    width: int | None = None
    most: int | None = None


SETS = (
    PictureSet("2K", "large4k", 2048),
    PictureSet("4K", "large4k", 3840, most=3),
    PictureSet("8K", "large8k", 7680),
    PictureSet("large2k", "large2k", 2048),
    PictureSet("b100", "b100", most=40),
)
"""2K, 4K and 8K stand in for the paper's Test2K, Test4K and Test8K, which are reduced from DIV8K in the same way."""
QUICK_SETS = (
    PictureSet("2K", "large4k", 160),
    PictureSet("4K", "large4k", 192, most=2),
    PictureSet("large2k", "large4k", 128, most=1),
    PictureSet("b100", "large4k", 128, most=1),
)
"""The same tables on thumbnails: for tests of the way, not for figures."""


@dataclass(frozen=True)
class Picture:
    """An HR picture of a set, read when it is first wanted."""

    set_name: str
    path: Path
    width: int | None

    @property
    def name(self) -> str:
        """Its file name."""
        return self.path.name

    @cached_property
    def hr(self) -> Image.Image:
        """RGB, its sides multiples of the scale."""
        picture = read_rgb(self.path)
        return crop_to_scale(reduce_to_width(picture, self.width) if self.width else picture, SCALE)

    @cached_property
    def lr(self) -> NDArray[np.float32]:
        """Reduced by Pillow's antialiased bicubic: [H, W, 3] in [0, 1]."""
        return to_float(np.array(low_resolution(self.hr, SCALE)))


@dataclass(frozen=True)
class Plan:
    """A run of `benchmarks/reproduce.py`.

    Attributes:
        data: folder that holds the folders of pictures.
        store: where measurements go.
        sets: the pictures.
        backbones: the networks.
        dilations: sides of the mask's dilation square.
        most: pictures of each set that are measured, the first by name; None is as many as the set says.
        training: folder below `data` that the linear upsampler learns from.
        most_training: pictures of it, the first by name; None is all.
        threads: CPU threads that work on an operator.
        repeats: measurements of a time, whose median counts.
        minutes: after which no new group of times is begun; None is no limit.
        label: what the times were measured with; None is the instruction set of the native kernels.
    """

    data: Path
    store: Store
    sets: tuple[PictureSet, ...] = SETS
    backbones: tuple[str, ...] = field(default_factory=lambda: tuple(shipped_backbones(SCALE)))
    dilations: tuple[int, ...] = DILATIONS
    most: int | None = None
    training: str = "train"
    most_training: int | None = None
    threads: int = 1
    repeats: int = 3
    minutes: float | None = None
    label: str | None = None
    started: float = field(default_factory=time.monotonic)

    def pictures(self, set_name: str, most: int | None = None) -> Iterator[Picture]:
        """Find the pictures of a set that are large enough, naming the others."""
        (chosen,) = (one for one in self.sets if one.name == set_name)
        limit = min((count for count in (chosen.most, most, self.most) if count is not None), default=None)
        paths = [path for path in picture_paths(self.data / chosen.folder) if self._fits(path, chosen)]
        for number, path in enumerate(paths[:limit], 1):
            say(f"{set_name} {number}/{len(paths[:limit])} {path.name}")
            yield Picture(set_name, path, chosen.width)

    def has_set(self, set_name: str) -> bool:
        """Tell whether a set is measured; one whose folder is not there is named."""
        for folder in (self.data / one.folder for one in self.sets if one.name == set_name):
            if folder.is_dir():
                return True
            say(f"{set_name} is left out: there is no folder {folder}")
        return False

    @property
    def is_over(self) -> bool:
        """Whether the minutes are over."""
        return self.minutes is not None and time.monotonic() - self.started > 60 * self.minutes

    @staticmethod
    def _fits(path: Path, chosen: PictureSet) -> bool:
        if chosen.width is None:
            return True
        with Image.open(path) as picture:
            width = picture.width
        if width < chosen.width:
            say(f"{chosen.name}: {path.name} is left out: {width} pixels wide, {chosen.width} are needed")
        return width >= chosen.width


def say(line: str) -> None:
    """Show what is being done."""
    print(line, file=sys.stderr, flush=True)
