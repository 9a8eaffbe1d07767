"""A file is whole or as it was; links and permissions are those of the system."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from picture_cases import from_samples, photo

from amsr_deploy import image
from amsr_deploy.errors import ImageError
from amsr_deploy.image.formats import WRITABLE


@pytest.mark.parametrize("suffix", list(WRITABLE))
def test_a_full_disk_leaves_the_old_file(tmp_path: Path, suffix: str) -> None:
    resource = pytest.importorskip("resource")
    path = tmp_path / f"a{suffix}"
    path.write_bytes(b"precious")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(ImageError, match="cannot be written"):
            image.write(path, from_samples(photo(64, 64)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == b"precious"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_permissions_follow_the_umask(tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        image.write(tmp_path / "a.png", from_samples(photo()))
    finally:
        os.umask(old)
    assert (tmp_path / "a.png").stat().st_mode & 0o777 == 0o640


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real.png").write_bytes(b"old")
    (tmp_path / "link.png").symlink_to("real.png")
    image.write(tmp_path / "link.png", from_samples(photo()))
    assert (tmp_path / "link.png").is_symlink()
    assert image.read(tmp_path / "real.png").size == (6, 9)
