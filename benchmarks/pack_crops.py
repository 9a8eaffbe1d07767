"""Pack the most textured crops of folders of photos into one file, for a training on a machine that has no photos.

python benchmarks/pack_crops.py ../shared/data/train ../shared/data/train_books --output build/crops.tar

`amsr train --data build/crops.tar` reads it. The texture of a place is the local contrast by which a training samples
its patches, in cells of 8x8 LR pixels: a crop with detail everywhere comes before one with a single strong edge. Each
photo gives its best crops that do not overlap, --most of them; of all these the best are kept until the file is full.
MANIFEST.tsv in it names the photo, the place, the source and the licence of each crop.
"""

from __future__ import annotations

import argparse
import csv
import io
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from amsr_deploy.descriptor import SCALE
from amsr_deploy.files import replacing
from amsr_deploy.image.pairs import crop_to_scale, low_resolution, picture_paths, read_rgb
from amsr_deploy.training.data import GRID, local_contrast

CELL = GRID * SCALE
"""Side of a cell in HR pixels; crops start at cells."""
FORMATS: dict[str, dict[str, Any]] = {
    "avif": {"quality": 90, "subsampling": "4:4:4", "speed": 6},
    "jpeg": {"quality": 95, "subsampling": "4:4:4"},
}
"""How crops are compressed; AVIF takes two thirds of the bytes and needs Pillow 11.3 where it is read."""
SUFFIXES = {"avif": ".avif", "jpeg": ".jpg"}
MANIFEST = "MANIFEST.tsv"
HEADING = "crop\tphoto\tleft\ttop\tside\tcontrast\tsource\tlicence\tnote\n"
BLOCK = 512
"""Bytes to which tar files pad."""
RESERVE = 2 * BLOCK + tarfile.RECORDSIZE
"""Bytes for the padding of the manifest and the end of the file."""


@dataclass(frozen=True)
class Crop:
    """A square part of a photo: where it lies in HR pixels, and the mean contrast of its cells."""

    photo: Path
    left: int
    top: int
    contrast: float


def textured_crops(path: Path, side: int, most: int) -> list[Crop]:
    """Choose the most textured crops of a photo that do not overlap, best first."""
    photo = crop_to_scale(read_rgb(path), SCALE)
    if min(photo.size) < side:
        return []
    contrast = local_contrast(torch.from_numpy(np.array(low_resolution(photo, SCALE))), GRID)
    cells = side // CELL
    scores = F.avg_pool2d(contrast[None], cells, stride=1)[0]
    crops: list[Crop] = []
    while len(crops) < most and float(scores.max()) >= 0:
        y, x = divmod(int(scores.argmax()), scores.shape[1])
        crops.append(Crop(path, x * CELL, y * CELL, float(scores[y, x])))
        scores[max(y - cells + 1, 0) : y + cells, max(x - cells + 1, 0) : x + cells] = -1
    return crops


def best_crops(folders: Sequence[Path], side: int, most: int) -> list[Crop]:
    """Choose crops of all photos of some folders, best first."""
    crops = [crop for folder in folders for path in picture_paths(folder) for crop in textured_crops(path, side, most)]
    return sorted(crops, key=lambda crop: -crop.contrast)


def encoded(crop: Crop, side: int, kind: str) -> bytes:
    """Encode a crop as a file."""
    file = io.BytesIO()
    box = (crop.left, crop.top, crop.left + side, crop.top + side)
    read_rgb(crop.photo).crop(box).save(file, kind.upper(), **FORMATS[kind])
    return file.getvalue()


def origins(folders: Sequence[Path]) -> dict[str, dict[str, str]]:
    """Read the rows of the MANIFEST.tsv beside the folders, by folder and name of the photo."""
    rows: dict[str, dict[str, str]] = {}
    for file in {folder.resolve().parent / MANIFEST for folder in folders}:
        if file.is_file():
            with file.open(newline="") as text:
                rows |= {row["path"]: row for row in csv.DictReader(text, delimiter="\t", quoting=csv.QUOTE_NONE)}
    return rows


def row(name: str, crop: Crop, side: int, known: dict[str, dict[str, str]]) -> str:
    """Write a line of the manifest."""
    photo = f"{crop.photo.resolve().parent.name}/{crop.photo.name}"
    origin = [known.get(photo, {}).get(column) or "" for column in ("source", "licence", "note")]
    return "\t".join([name, photo, *map(str, (crop.left, crop.top, side)), f"{crop.contrast:.4f}", *origin]) + "\n"


def padded(content: bytes) -> int:
    """Compute the bytes that a file takes in a tar file."""
    return BLOCK + -(-len(content) // BLOCK) * BLOCK


def fitting(crops: Sequence[Crop], arguments: argparse.Namespace) -> Iterator[tuple[Crop, str, bytes, str]]:
    """Choose the crops that fit into the file: each with its name, content and line of the manifest."""
    known = origins(arguments.folders)
    room = int(arguments.mebibytes * 2**20) - RESERVE - len(HEADING)
    for number, crop in enumerate(crops):
        name = f"{number:04}_{crop.photo.stem}{SUFFIXES[arguments.format]}"
        content = encoded(crop, arguments.side, arguments.format)
        line = row(name, crop, arguments.side, known)
        room -= padded(content) + len(line.encode())
        if room < 0:
            return
        yield crop, name, content, line


def pack(arguments: argparse.Namespace) -> str:
    """Write the file; returns a line about it."""
    lines, photos = [HEADING], set()
    crops = best_crops(arguments.folders, arguments.side, arguments.most)
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    with replacing(arguments.output) as path, tarfile.open(path, "w") as file:
        for crop, name, content, line in fitting(crops, arguments):
            add(file, name, content)
            lines.append(line)
            photos.add(crop.photo)
        add(file, MANIFEST, "".join(lines).encode())
    count = len(lines) - 1
    megapixels, mebibytes = count * arguments.side**2 / 1e6, arguments.output.stat().st_size / 2**20
    return (
        f"{arguments.output}: {megapixels:.1f} megapixels in {count} crops of {len(photos)} photos, {mebibytes:.2f} MiB"
    )


def add(file: tarfile.TarFile, name: str, content: bytes) -> None:
    """Add a file whose content is in memory."""
    info = tarfile.TarInfo(name)
    info.size = len(content)
    file.addfile(info, io.BytesIO(content))


def main(arguments: Sequence[str] | None = None) -> None:
    """Pack as the command line asks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+", help="folders of HR photos")
    parser.add_argument("--output", type=Path, default=Path("build/crops.tar"))
    parser.add_argument("--mebibytes", type=float, default=20, help="largest size of the file")
    parser.add_argument("--side", type=int, default=384, help=f"HR pixels of a crop's side, a multiple of {CELL}")
    parser.add_argument("--most", type=int, default=2, help="crops of one photo at most")
    parser.add_argument("--format", choices=list(FORMATS), default="avif")
    options = parser.parse_args(arguments)
    if options.side % CELL or options.side < CELL:
        parser.error(f"--side {options.side} is no multiple of {CELL}")
    print(pack(options))


if __name__ == "__main__":
    main()
