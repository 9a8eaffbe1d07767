"""LR pictures that a set brings with it, matched with its HR pictures by name."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from amsr_deploy.errors import FileError, ImageError
from amsr_deploy.image.pairs import picture_paths, read_rgb


class LrFolder:
    """A folder of LR pictures: `baby.png` or `babyx4.png` belongs to the HR picture `baby.png`, whatever the suffix."""

    def __init__(self, folder: Path, scale: int) -> None:
        """List the pictures.

        Raises:
            FileError: no folder, no picture in it, or two of one name.
        """
        self.folder, self.scale = folder, scale
        self._paths: dict[str, Path] = {}
        for path in picture_paths(folder):
            other = self._paths.setdefault(path.stem, path)
            if other != path:
                raise FileError(f"{other} and {path} are LR pictures of the same name; keep one of them")

    def read(self, hr: Path, size: tuple[int, int]) -> Image.Image:
        """Read the LR picture of an HR picture, RGB.

        Args:
            hr: the HR picture's file.
            size: width and height of the HR picture, multiples of the scale.

        Raises:
            ImageError: there is none, it cannot be read, or its size is not that of HR divided by the scale.
        """
        path = self._paths.get(hr.stem) or self._paths.get(f"{hr.stem}x{self.scale}")
        if path is None:
            raise ImageError(
                f"{self.folder} holds no LR picture of {hr.name}; name it {hr.stem} or {hr.stem}x{self.scale}"
            )
        picture = read_rgb(path)
        wanted = (size[0] // self.scale, size[1] // self.scale)
        if picture.size != wanted:
            given, needed = ("x".join(map(str, sides)) for sides in (picture.size, wanted))
            raise ImageError(f"{path} is {given}; x{self.scale} of {hr.name} needs {needed}")
        return picture
