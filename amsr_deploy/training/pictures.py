"""HR pictures of folders and packed files: decoded once, with LR versions, on all cores."""

from __future__ import annotations

import hashlib
import tarfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from amsr_deploy import image
from amsr_deploy.errors import FileError, ImageError, TrainingError, UserError
from amsr_deploy.evaluation.degradations import damage_of, degrade
from amsr_deploy.image.pairs import low_resolution, picture_paths, read_rgb
from amsr_deploy.system.processor import usable_cores
from amsr_deploy.training.dithers import dithered_pictures
from amsr_deploy.training.screens import screens
from amsr_deploy.training.synthetic import synthetic_pictures

Result = TypeVar("Result")
Loader = Callable[[], bytes]
"""Reads the content of a picture file."""


@dataclass(frozen=True)
class Pair:
    """A picture at both sizes.

    Attributes:
        hr: [sH, sW, 3] uint8 RGB.
        lr: [H, W, 3] uint8 RGB.
        is_synthetic: whether it was made by `synthetic`, and is no photo.
    """

    hr: NDArray[np.uint8]
    lr: NDArray[np.uint8]
    is_synthetic: bool = False


@dataclass(frozen=True)
class File:
    """What identifies a picture file: its name in the folder, its length and digest."""

    name: str
    bytes: int
    sha256: str


@dataclass
class Pictures:
    """Pictures for a training.

    Attributes:
        pairs: each usable picture at each reduction that is not too small.
        files: the files they come from.
        skipped: one line for each file that could not be used, and why.
    """

    pairs: list[Pair] = field(default_factory=list)
    files: list[File] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)


def read_pictures(
    sources: Sequence[Path], smallest: int, scale: int, reductions: tuple[float, ...] = (1.0,), degraded: bool = False
) -> Pictures:
    """Decode the pictures of some sources, and make their LR versions.

    Args:
        sources: folders of HR pictures, or tar files of them; all are read as upright RGB of 8 bits.
        smallest: LR pixels that each side must have.
        scale: how much larger HR is than LR.
        reductions: factors by which each picture is reduced, in (0, 1].
        degraded: damage the LR versions at random; a file of the same content gets the same damage.

    Raises:
        FileError: neither a folder nor a tar file, or no picture in it.
        TrainingError: no usable picture in any of them.
    """
    found = [_packed(source) if source.is_file() else _loose(source) for source in sources]
    pictures = Pictures()
    read = partial(_read, smallest=smallest, scale=scale, reductions=reductions, degraded=degraded)
    for outcome in _side_by_side(read, chain.from_iterable(found)):
        if isinstance(outcome, str):
            pictures.skipped.append(outcome)
        else:
            file, pairs = outcome
            pictures.files.append(file)
            pictures.pairs.extend(pairs)
    if not pictures.pairs:
        names = " and ".join(map(str, sources))
        more = f" and {len(pictures.skipped) - 1} more" if len(pictures.skipped) > 1 else ""
        raise TrainingError(f"{names} holds no usable picture: {pictures.skipped[0]}{more}")
    return pictures


def draw_pictures(scale: int, degraded: bool = False, smallest: int = 1) -> list[Pair]:
    """Draw synthetic pictures at both sizes.

    Args:
        scale: how much larger HR is than LR.
        degraded: damage the LR versions, but not those that are drawn pixel by pixel: it would take their dots away.
        smallest: LR pixels that each side must have.

    Raises:
        UserError: the pictures are smaller.
    """
    generator = np.random.default_rng(0) if degraded else None
    pairs = [pair for picture in synthetic_pictures() for pair in _pairs(picture, 1, scale, (1.0,), generator)]
    pairs += [_enlarged(picture, scale) for picture in dithered_pictures()]
    pairs += [Pair(np.array(high), np.array(low)) for high, low in screens(scale)]
    if (side := min(len(pair.lr) for pair in pairs)) < smallest:
        raise UserError(
            f"`patch_size` {smallest} is larger than the synthetic pictures, of {side} LR pixels; "
            "use a smaller one or set `synthetic` to 0"
        )
    return [replace(pair, is_synthetic=True) for pair in pairs]


def _loose(folder: Path) -> list[tuple[Path, Loader]]:
    """List the pictures directly in a folder, and how to load each."""
    return [(path, partial(image.read_content, path)) for path in picture_paths(folder)]


def _packed(file: Path) -> Iterator[tuple[Path, Loader]]:
    """Take the pictures out of a tar file, one after the other, and say how to load each."""
    try:
        with tarfile.open(file) as pack:
            members = [member for member in pack if image.named_format(Path(member.name)) and member.isfile()]
            if not members:
                raise FileError(f"{file} holds no picture; pack it with benchmarks/pack_crops.py")
            for member in members:
                yield file / member.name, partial(bytes, pack.extractfile(member).read())  # type: ignore[union-attr]
    except (tarfile.TarError, EOFError) as error:
        raise FileError(
            f"{file} is not a complete tar file of pictures ({error}); give a folder, or pack it again"
        ) from error


def _side_by_side(read: Callable[[Path, Loader], Result], found: Iterable[tuple[Path, Loader]]) -> Iterator[Result]:
    """Read pictures on all cores; no more are taken than those need, and results come in their order."""
    cores = usable_cores()
    with ThreadPoolExecutor(cores) as pool:
        results: deque[Future[Result]] = deque()
        for entry in found:
            results.append(pool.submit(read, *entry))
            if len(results) > cores:
                yield results.popleft().result()
        while results:
            yield results.popleft().result()


def _read(
    path: Path, load: Loader, smallest: int, scale: int, reductions: tuple[float, ...], degraded: bool
) -> tuple[File, list[Pair]] | str:
    """Read a file's pictures, or say why there are none."""
    try:
        content = load()
        picture = read_rgb(path, content)
    except ImageError as error:
        return str(error)
    generator = damage_of(content) if degraded else None
    pairs = list(_pairs(picture, smallest, scale, reductions, generator))
    if not pairs:
        return f"{path} is {too_small(picture, smallest * scale, max(reductions))}"
    return File(path.name, len(content), hashlib.sha256(content).hexdigest()), pairs


def too_small(picture: Image.Image, side: int, reduction: float) -> str:
    """Say that a picture is smaller than a side, as it is or by the largest of the reductions."""
    size = f"{picture.width}x{picture.height}"
    if min(picture.size) >= side:
        size += (
            f", but {int(picture.width * reduction)}x{int(picture.height * reduction)} by `reductions` {reduction:g}"
        )
    return f"{size}; at least {side}x{side} is needed"


def _pairs(
    picture: Image.Image,
    smallest: int,
    scale: int,
    reductions: tuple[float, ...],
    damage: np.random.Generator | None = None,
) -> Iterator[Pair]:
    for reduction in reductions:
        width, height = (int(side * reduction) // scale * scale for side in picture.size)
        if min(width, height) >= smallest * scale:
            box = (0, 0, width / reduction, height / reduction)
            reduced = picture.resize((width, height), Image.Resampling.BICUBIC, box=box)
            small = degrade(reduced, scale, damage) if damage else low_resolution(reduced, scale)
            yield Pair(np.array(reduced), np.array(small))


def _enlarged(picture: Image.Image, scale: int) -> Pair:
    """Pair an LR picture with its nearest-neighbour enlargement."""
    small = np.array(picture)
    return Pair(small.repeat(scale, axis=0).repeat(scale, axis=1), small)
