"""One of several parts of a folder, each for a machine of its own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from amsr_deploy.commands.pictures.inputs import Input, natural_key
from amsr_deploy.errors import UserError
from amsr_deploy.files import STANDARD


@dataclass(frozen=True)
class Shard:
    """A part of the pictures: which one, of how many.

    Attributes:
        number: from 1.
        count: number of parts.
    """

    number: int
    count: int

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Read a part such as `2/8`.

        Raises:
            UserError: not of that form, or no such part.
        """
        match = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,9})", text)
        if not match:
            raise UserError(f"--shard {text} is no part of a whole; give its number and their count, like 2/8")
        number, count = int(match[1]), int(match[2])
        if not 1 <= number <= count:
            raise UserError(f"--shard {text} is none of {count} parts; they are numbered from 1")
        return cls(number, count)

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    def pick(self, pictures: Sequence[Input]) -> list[Input]:
        """Take every `count`-th of the sorted pictures. All parts together are the whole, in any order of `pictures`.

        Pictures whose results may get one name are in one part, which notices it.
        """
        ordered = sorted(pictures, key=lambda picture: (_place(picture), str(picture.path)))
        groups = [list(group) for _, group in groupby(ordered, _place)]
        return [picture for group in groups[self.number - 1 :: self.count] for picture in group]

    def own_report(self, path: Path | None) -> Path | None:
        """Name the report of this part: `report.2-of-8.json`; standard output stays."""
        if path is None or path == STANDARD:
            return path
        return path.with_name(f"{path.stem}.{self.number}-of-{self.count}{path.suffix}")


def _place(picture: Input) -> tuple[list[list[str | int]], list[str | int]]:
    """Split folder and stem of a picture's result, to sort by natural order."""
    return [natural_key(part) for part in picture.folder.parts], natural_key(picture.path.stem)
