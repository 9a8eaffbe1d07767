"""Reading a folder of HR pictures."""

from __future__ import annotations

import hashlib
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from amsr_deploy.errors import FileError, TrainingError
from amsr_deploy.training.pictures import read_pictures


def test_pairs_are_pillow_bicubic(folder: Path) -> None:
    pictures = read_pictures([folder], 8, 4)
    with Image.open(folder / "a.png") as photo:
        rgb = photo.convert("RGB")
    lr = np.array(rgb.resize((40, 32), Image.Resampling.BICUBIC))
    np.testing.assert_array_equal(pictures.pairs[0].hr, np.array(rgb))
    np.testing.assert_array_equal(pictures.pairs[0].lr, lr)


def test_reduced_pictures_enter_too_where_they_hold_a_patch(folder: Path) -> None:
    sides = [pair.hr.shape[:2] for pair in read_pictures([folder], 20, 4, (1.0, 0.7)).pairs]
    assert sides == [(128, 160), (88, 112), (128, 128), (88, 88)]
    assert len(read_pictures([folder], 24, 4, (1.0, 0.5)).pairs) == 2


def test_reduced_pictures_keep_their_shape(tmp_path: Path) -> None:
    rows, columns = np.indices((90, 250), dtype=np.uint8)
    Image.fromarray(np.stack((rows, columns, rows), axis=-1)).save(tmp_path / "ramps.png")
    (pair,) = read_pictures([tmp_path], 8, 4, (0.5,)).pairs
    assert pair.hr.shape == (44, 124, 3)  # multiples of the scale: a row and a column less than half
    for axis in (0, 1):
        places = np.indices(pair.hr.shape[:2])[axis]
        inner = pair.hr[2:-2, 2:-2, axis].astype(float)
        np.testing.assert_allclose(inner, 2 * places[2:-2, 2:-2] + 0.5, rtol=0, atol=0.5)


def test_files_are_identified(folder: Path) -> None:
    files = read_pictures([folder], 8, 4).files
    assert [file.name for file in files] == ["a.png", "b.png"]
    content = (folder / "a.png").read_bytes()
    assert (files[0].bytes, files[0].sha256) == (len(content), hashlib.sha256(content).hexdigest())


def test_a_bad_picture_among_good_ones_is_skipped_and_named(folder: Path) -> None:
    content = (folder / "a.png").read_bytes()
    (folder / "cut.png").write_bytes(content[: len(content) // 2])
    (folder / "no_picture.jpg").write_text("nothing")
    Image.new("RGB", (100, 20)).save(folder / "small.png")
    (folder / "notes.txt").write_text("not meant as a picture")
    pictures = read_pictures([folder], 8, 4)
    assert len(pictures.pairs) == 2
    assert ["cut.png" in pictures.skipped[0], "no_picture.jpg" in pictures.skipped[1]] == [True, True]
    assert "small.png is 100x20; at least 32x32 is needed" in pictures.skipped[2]
    assert len(pictures.skipped) == 3


def test_grey_palette_and_transparent_pictures_become_rgb(tmp_path: Path) -> None:
    for mode in ("L", "P", "RGBA", "LA", "1"):
        Image.new("RGB", (40, 40), (200, 30, 30)).convert(mode).save(tmp_path / f"{mode}.png")
    assert all(pair.hr.shape == (40, 40, 3) for pair in read_pictures([tmp_path], 8, 4).pairs)


def test_folders_without_usable_pictures(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="nowhere does not exist; check the name"):
        read_pictures([tmp_path / "nowhere"], 8, 4)
    with pytest.raises(FileError, match="holds no picture"):
        read_pictures([tmp_path], 8, 4)
    Image.new("RGB", (30, 300)).save(tmp_path / "thin.png")
    with pytest.raises(TrainingError, match=r"no usable picture: .*thin.png is 30x300; at least 32x32 is needed"):
        read_pictures([tmp_path], 8, 4)


def test_reductions_that_leave_no_patch_are_named(folder: Path) -> None:
    with pytest.raises(
        TrainingError, match=r"a.png is 160x128, but 16x12 by `reductions` 0.1; at least 32x32 is needed"
    ):
        read_pictures([folder], 8, 4, (0.1, 0.01))


@pytest.fixture
def pack(folder: Path, tmp_path: Path) -> Path:
    """The pictures of the folder in one file, with something else."""
    (folder / "MANIFEST.tsv").write_text("name\tsource\n")
    return packed_from(folder, tmp_path)


def packed_from(folder: Path, target: Path) -> Path:
    """Pack all files of a folder into one."""
    with tarfile.open(target / "pack.tar", "w") as file:
        for path in sorted(folder.iterdir()):
            file.add(path, path.name)
    return target / "pack.tar"


def test_a_packed_file_holds_the_same_pictures_as_its_folder(folder: Path, pack: Path) -> None:
    loose, packed = (read_pictures([source], 8, 4, (1.0, 0.5)) for source in (folder, pack))
    assert packed.files == loose.files
    for one, other in zip(packed.pairs, loose.pairs, strict=True):
        np.testing.assert_array_equal(one.hr, other.hr)
        np.testing.assert_array_equal(one.lr, other.lr)
    assert len(read_pictures([folder, pack], 8, 4).pairs) == 4


def test_pictures_of_all_formats_are_read_from_a_packed_file_as_from_a_folder(folder: Path, tmp_path: Path) -> None:
    turned = Image.Exif()
    turned[0x0112] = 6
    with Image.open(folder / "a.png") as photo:
        photo.save(folder / "c.jpeg")
        photo.save(folder / "d.JPG", exif=turned)
        photo.save(folder / "e.tif")
    deep = np.asarray(np.arange(128 * 160).reshape(128, 160) * 3, np.uint16)
    Image.fromarray(deep).save(folder / "f.png")
    (folder / "g.Jpg").write_bytes((folder / "c.jpeg").read_bytes()[:2000])
    loose, packed = (read_pictures([source], 8, 4) for source in (folder, packed_from(folder, tmp_path)))
    assert [file.name for file in packed.files] == ["a.png", "b.png", "c.jpeg", "d.JPG", "e.tif", "f.png"]
    assert packed.files == loose.files
    for one, other in zip(packed.pairs, loose.pairs, strict=True):
        np.testing.assert_array_equal(one.hr, other.hr)
    assert packed.pairs[3].hr.shape == (160, 128, 3)  # upright
    assert "pack.tar/g.Jpg is damaged" in packed.skipped[0]


def test_a_damaged_or_empty_packed_file_is_refused(pack: Path, tmp_path: Path) -> None:
    content = pack.read_bytes()
    pack.write_bytes(content[:5000])
    with pytest.raises(FileError, match=r"pack.tar is not a complete tar file"):
        read_pictures([pack], 8, 4)
    pack.write_bytes(b"no tar file")
    with pytest.raises(FileError, match=r"pack.tar is not a complete tar file"):
        read_pictures([pack], 8, 4)
    tarfile.open(tmp_path / "empty.tar", "w").close()
    with pytest.raises(FileError, match=r"empty.tar holds no picture"):
        read_pictures([tmp_path / "empty.tar"], 8, 4)


def test_a_picture_in_a_packed_file_that_cannot_be_decoded_is_named(folder: Path, tmp_path: Path) -> None:
    (folder / "b.png").write_bytes(b"no picture")
    pictures = read_pictures([packed_from(folder, tmp_path)], 8, 4)
    assert len(pictures.pairs) == 1
    assert "pack.tar/b.png is not a picture in a known format" in pictures.skipped[0]


def test_degraded_pictures_are_the_same_each_time(folder: Path) -> None:
    clean = read_pictures([folder], 8, 4)
    first, second = (read_pictures([folder], 8, 4, degraded=True) for _ in range(2))
    for pair, again, other in zip(first.pairs, second.pairs, clean.pairs, strict=True):
        np.testing.assert_array_equal(pair.lr, again.lr)
        np.testing.assert_array_equal(pair.hr, other.hr)
    assert any((pair.lr != other.lr).any() for pair, other in zip(first.pairs, clean.pairs, strict=True))
