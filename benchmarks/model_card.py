"""The tables of the model card, figures of the shipped models on all test folders; ATTRIBUTION.tsv, whom to credit.

    python benchmarks/model_card.py ../shared/data --backbones fsrcnn carn --folders set5 set14

measures and writes the tables between the card's markers; the text around them is written by hand. All of it takes
hours on two cores: `--backbones`, `--scale`, `--folders` and `--dilations` say what to measure.
"""

from __future__ import annotations

import argparse
import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from amsr_deploy import load
from amsr_deploy.descriptor import BACKBONES, SCALE, SCALES, describe
from amsr_deploy.evaluation.bench.twins import shipped_backbones
from amsr_deploy.evaluation.evaluate import Evaluation, evaluate, evaluate_bicubic, mean
from amsr_deploy.image.pairs import picture_paths
from amsr_deploy.runtime.shipped import WEIGHTS

CARD = WEIGHTS / "MODEL_CARD.md"
ATTRIBUTION = WEIGHTS / "ATTRIBUTION.tsv"
TRAINING_FOLDERS = ("train", "train_books")
FOLDERS = ("set5", "set14", "b100", "kodak24", "large2k", "large4k")
DILATIONS = (1, 3, 5, 7, 9, 11)
HEADER = "| folder | dilation | PSNR-Y dB | PSNR-RGB dB | SSIM | density | share of dense MACs |"


def figures(backbone: str, scale: int, data: Path, folders: Iterable[str], dilations: Iterable[int]) -> Iterator[str]:
    """Write the rows of the table of a model."""
    yield HEADER
    yield "| --- " * HEADER.count(" |") + "|"
    for folder in folders:
        for dilation in (*dilations, None):
            yield row(folder, measured(backbone, scale, data / folder, dilation))
        print(f"{backbone} on {folder}: done", flush=True)


def measured(backbone: str, scale: int, folder: Path, dilation: int | None) -> Evaluation:
    """Measure a model on a folder; a dilation of None is the dense network with the same weights."""
    setting: dict[str, Any] = {"dense": True} if dilation is None else {"dilation": dilation}
    upscaler = load(backbone, scale=scale, precision=None, **setting)
    return evaluate(upscaler, picture_paths(folder), fail)


def fail(error: Exception) -> None:
    """Raise the error: no picture may be missing from the card."""
    raise error


def row(folder: str, evaluation: Evaluation) -> str:
    """Write a row of the table of figures."""
    scores = evaluation.mean
    label = "full" if evaluation.dilation is None else evaluation.dilation
    return (
        f"| {folder} | {label} | {scores.psnr_y:.2f} | {scores.psnr_rgb:.2f} | {scores.ssim:.4f} "
        f"| {scores.density:.3f} | {scores.cost_share:.3f} |"
    )


def bicubic(scale: int, data: Path, folders: Iterable[str]) -> Iterator[str]:
    """Write the rows of bicubic interpolation, for comparison."""
    yield "| folder | PSNR-Y dB | PSNR-RGB dB | SSIM |"
    yield "| --- " * 4 + "|"
    for folder in folders:
        quality = mean(evaluate_bicubic(picture_paths(data / folder), scale, fail).values())
        yield f"| {folder} | {quality.psnr_y:.2f} | {quality.psnr_rgb:.2f} | {quality.ssim:.4f} |"


def training_pictures(data: Path) -> list[dict[str, str]]:
    """Find the entries of the manifest that belong to the pictures that the models learned from."""
    with (data / "MANIFEST.tsv").open(newline="", encoding="utf-8") as file:
        entries = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [entry for entry in entries if Path(entry["path"]).parent.as_posix() in TRAINING_FOLDERS]


def write_attribution(pictures: Iterable[dict[str, str]]) -> None:
    """Write the source, licence and credit of each training picture, as their licences ask."""
    with ATTRIBUTION.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, delimiter="\t", lineterminator="\n", quoting=csv.QUOTE_NONE, quotechar=None)
        table.writerow(("picture", "source", "licence", "credit"))
        for entry in pictures:
            table.writerow((Path(entry["path"]).name, entry["source"], entry["licence"], entry["note"]))


def licences(pictures: Iterable[dict[str, str]]) -> Iterator[str]:
    """Write the rows of the table of training pictures by licence."""
    counts = Counter(entry["licence"] for entry in pictures)
    yield "| licence | pictures |"
    yield "| --- " * 2 + "|"
    for licence, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        yield f"| {licence} | {count} |"


def table_name(what: str, scale: int) -> str:
    """Name a table as the card's markers do: `carn`, `disp_x2`."""
    return what if scale == SCALE else f"{what}_x{scale}"


def replace_table(name: str, rows: Iterable[str]) -> None:
    """Put rows between the markers `<!-- NAME -->` and `<!-- end -->` of the card.

    The card is read once the rows are there: hours of measurement keep what has been written into it meanwhile.
    """
    table = "\n".join(rows)
    text = CARD.read_text(encoding="utf-8")
    pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end -->)", re.DOTALL)
    CARD.write_text(pattern.sub(lambda marks: f"{marks[1]}{table}\n{marks[2]}", text), encoding="utf-8")


def check_places(names: Iterable[str]) -> None:
    """Raise SystemExit unless the card has a place for each table: before hours of measurement, not after."""
    text = CARD.read_text(encoding="utf-8")
    for name in names:
        if f"<!-- {name} -->" not in text:
            raise SystemExit(f"{CARD} has no place for {name}; it needs one between <!-- {name} --> and <!-- end -->")


def main() -> None:
    """Measure as the command line asks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder that holds the test folders and MANIFEST.tsv")
    parser.add_argument("--backbones", nargs="*", choices=BACKBONES, help="all that ship by default")
    parser.add_argument("--scale", type=int, choices=SCALES, default=SCALE, help="of the models")
    parser.add_argument("--folders", nargs="*", default=FOLDERS)
    parser.add_argument("--dilations", nargs="*", type=int, default=DILATIONS)
    arguments = parser.parse_args()
    data, folders, scale = arguments.data, arguments.folders, arguments.scale
    backbones = shipped_backbones(scale) if arguments.backbones is None else arguments.backbones
    check_places(["licences", *(table_name(what, scale) for what in ("bicubic", *backbones))])
    pictures = training_pictures(data)
    write_attribution(pictures)
    replace_table("licences", licences(pictures))
    replace_table(table_name("bicubic", scale), bicubic(scale, data, folders))
    for backbone in backbones:
        dilations = sorted({*arguments.dilations, describe(backbone).dilation})
        replace_table(table_name(backbone, scale), figures(backbone, scale, data, folders, dilations))


if __name__ == "__main__":
    main()
