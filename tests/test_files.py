"""Writing files so that nothing is lost."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from pathlib import Path
from unittest.mock import Mock

import pytest

from amsr_deploy.errors import UserError
from amsr_deploy.files import STANDARD, by_age, check_not_read, replacing, write_problem


class FixedError(OSError):
    """An error whose file cannot be set, as those of PyAV."""

    filename = property(lambda _: None)


@pytest.mark.parametrize("kind", [OSError, FixedError])
def test_an_error_of_an_open_file_names_the_path(tmp_path: Path, kind: type[OSError]) -> None:
    with pytest.raises(OSError, match="disk is full") as caught, replacing(tmp_path / "a.txt"):
        raise kind(errno.ENOSPC, "disk is full")
    assert caught.value.filename == str(tmp_path / "a.txt")


def test_files_by_age(tmp_path: Path) -> None:
    for age, name in enumerate(["new.onnx", "middle.engine", "old.onnx", "other.txt"]):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (1000 - age, 1000 - age))
    (tmp_path / "nothing.onnx").symlink_to("missing")
    (tmp_path / "folder.onnx").mkdir()
    assert [path.name for path in by_age(tmp_path, ".onnx")] == ["new.onnx", "old.onnx"]
    assert [path.name for path in by_age(tmp_path, ".onnx", ".engine")] == ["new.onnx", "middle.engine", "old.onnx"]
    assert by_age(tmp_path / "missing", ".onnx") == []


def write_half(path: Path) -> None:
    with replacing(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError


def test_a_file_is_replaced_when_the_block_ends_well(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with replacing(path) as temporary:
        temporary.write_text("new")
        assert temporary.suffix == ".txt"
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    with pytest.raises(RuntimeError):
        write_half(path)
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    real, link = tmp_path / "there" / "real.txt", tmp_path / "link.txt"
    link.symlink_to(real)
    for text in ("new", "newer"):  # where nothing is there yet, too
        with replacing(link) as temporary:
            temporary.write_text(text)
        assert link.is_symlink()
        assert real.read_text() == text
    assert sorted(tmp_path.rglob("*")) == [link, real.parent, real]
    (real.parent / "folder").mkdir()
    folder = tmp_path / "folder.txt"
    folder.symlink_to("there/folder")
    with pytest.raises(OSError, match=str(folder)), replacing(folder) as temporary:
        temporary.write_text("text")


def test_errors_name_the_file_that_was_wanted(tmp_path: Path) -> None:
    path = tmp_path / "none" / "a.txt"
    with pytest.raises(FileNotFoundError) as caught, replacing(path) as temporary:
        temporary.write_text("text")
    assert caught.value.filename == str(path)


@pytest.mark.skipif(os.name == "nt", reason="permissions")
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o755, 0o444])
def test_a_file_that_is_replaced_keeps_its_permissions(mode: int, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    path.chmod(mode)
    with replacing(path) as temporary:
        temporary.write_text("new")
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == mode


@pytest.mark.parametrize("has_links", [True, False])
def test_a_file_that_came_meanwhile_stays_where_that_is_asked_for(
    has_links: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.txt"
    if not has_links:
        monkeypatch.setattr(Path, "hardlink_to", Mock(side_effect=PermissionError))
    with replacing(path, replace=False) as temporary:
        temporary.write_text("first")
    with pytest.raises(FileExistsError) as caught, replacing(path, replace=False) as temporary:
        temporary.write_text("second")
    assert caught.value.filename == str(path)
    assert path.read_text() == "first"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES, errno.ENOSPC])
def test_a_folder_that_takes_no_file_says_why(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "TemporaryFile", Mock(side_effect=OSError(number, os.strerror(number))))
    assert write_problem(tmp_path / "a.png") == (
        f"folder {tmp_path} may not be written ({os.strerror(number)}); choose another"
    )


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names")
def test_why_a_file_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "a.png").touch()
    os.mkfifo(tmp_path / "pipe.png")
    assert write_problem(tmp_path / "a.png") is None
    assert write_problem(tmp_path / "b.png") is None
    for name in ("a.png/b.png", "a.png/folder/b.png"):
        assert f"{tmp_path / 'a.png'} is a file and no folder" in str(write_problem(tmp_path / name))
    assert "does not exist" in str(write_problem(tmp_path / "none" / "b.png"))
    assert "pipe.png is a pipe" in str(write_problem(tmp_path / "pipe.png"))
    assert f"{tmp_path} is a folder" in str(write_problem(tmp_path))
    (tmp_path / "link.png").symlink_to("none/b.png")
    assert f"folder {tmp_path / 'none'} does not exist" in str(write_problem(tmp_path / "link.png"))
    (tmp_path / "a.png").chmod(0o444)
    assert "a.png is write-protected" in str(write_problem(tmp_path / "a.png"))


def test_what_is_read_is_not_written(tmp_path: Path) -> None:
    read, link, other = tmp_path / "a.png", tmp_path / "link.png", tmp_path / "b.png"
    read.touch()
    link.symlink_to(read)
    for path in (read, str(read), link, tmp_path / "none" / ".." / "a.png"):
        with pytest.raises(UserError, match=r"png is an input; choose another name"):
            check_not_read(path, [None, other, read])
    check_not_read(other, [None, read])
    check_not_read(None, [None, read])
    check_not_read(STANDARD, [STANDARD])


def test_an_error_is_not_hidden_by_that_of_removing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a file system that may only be read even what is not there cannot be removed."""

    def refuse(path: Path, **_: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(RuntimeError):
        write_half(tmp_path / "a.txt")
