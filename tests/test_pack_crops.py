"""Packed crops: the textured ones, no photo more often than allowed, never larger than asked for."""

from __future__ import annotations

import csv
import tarfile
from pathlib import Path

import numpy as np
import pack_crops
import pytest
from PIL import Image

from amsr_deploy.training.pictures import read_pictures

SIDE = 64


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A photo with noise in one place, another with weaker noise all over, and one that is too small."""
    folder = tmp_path / "photos"
    folder.mkdir()
    random = np.random.default_rng(0)
    sparse = np.full((256, 320, 3), 128, np.uint8)
    sparse[96:160, 192:256] = random.integers(0, 256, (64, 64, 3))
    noisy = random.integers(96, 160, (256, 256, 3), dtype=np.uint8)
    for name, pixels in (("sparse", sparse), ("noisy", noisy), ("small", noisy[:40])):
        Image.fromarray(pixels).save(folder / f"{name}.png")
    (tmp_path / "MANIFEST.tsv").write_text('path\tsource\tlicence\tnote\nphotos/noisy.png\tsomewhere\tCC0\tby "X\n')
    return folder


def packed(photos: Path, *options: str) -> tuple[Path, list[dict[str, str]]]:
    """The file and its manifest."""
    output = photos.parent / "build" / "crops.tar"
    pack_crops.main([str(photos), "--output", str(output), "--side", str(SIDE), *options])
    with tarfile.open(output) as file:
        manifest = file.extractfile("MANIFEST.tsv")
        assert manifest is not None
        lines = manifest.read().decode().splitlines()
        assert sorted(member.name for member in file)[:-1] == [line.split("\t")[0] for line in lines[1:]]
    return output, list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


def test_the_most_textured_places_are_taken(photos: Path) -> None:
    _, rows = packed(photos, "--most", "1")
    assert [row["photo"] for row in rows] == ["photos/sparse.png", "photos/noisy.png"]
    assert (int(rows[0]["left"]), int(rows[0]["top"])) == (192, 96)
    assert (rows[1]["source"], rows[1]["licence"], rows[1]["note"]) == ("somewhere", "CC0", 'by "X')


@pytest.mark.parametrize("kind", ["avif", "jpeg"])
def test_crops_do_not_overlap_and_can_be_read(photos: Path, kind: str) -> None:
    output, rows = packed(photos, "--most", "3", "--format", kind)
    pictures = read_pictures([output], 8, 4)
    assert not pictures.skipped
    assert {pair.hr.shape for pair in pictures.pairs} == {(SIDE, SIDE, 3)}
    for photo in ("photos/sparse.png", "photos/noisy.png"):
        places = [(int(row["left"]), int(row["top"])) for row in rows if row["photo"] == photo]
        assert len(places) == 3
        for number, (x, y) in enumerate(places):
            assert all(max(abs(x - left), abs(y - top)) >= SIDE for left, top in places[:number])


def test_the_file_is_no_larger_than_asked_for(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output, everything = packed(photos, "--most", "9")
    output, rows = packed(photos, "--most", "9", "--mebibytes", "0.06")
    assert 0 < len(rows) < len(everything)
    assert output.stat().st_size <= 0.06 * 2**20
    assert f"in {len(rows)} crops of" in capsys.readouterr().out
