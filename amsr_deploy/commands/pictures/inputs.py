"""Which pictures a command works on: files, folders, patterns, lists of files, standard input."""

from __future__ import annotations

import codecs
import glob
import logging
import os
import re
import sys
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from amsr_deploy import image
from amsr_deploy.commands.messages import shown_as
from amsr_deploy.errors import AmsrError, FileError, ImageError, UserError
from amsr_deploy.files import STANDARD, is_special, not_kept

ENDINGS = r"_x[2-4]|_\d+x\d+|_mask|_overlay|_compare"
"""Of results' names, without their suffix, where nothing else is asked for; a regular expression."""
BLOCK = 1 << 20
"""Bytes of standard input that are in memory at a time."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Input:
    """A picture to read.

    Attributes:
        path: the file.
        folder: where in the output folder its result belongs: its place in the tree that it was found in.
        error: why there is no such picture; None where there may be one.
        is_standard: whether it came through standard input, into the file at `path`.
    """

    path: Path
    folder: Path = Path()
    error: AmsrError | None = None
    is_standard: bool = False

    def __str__(self) -> str:
        return "standard input" if self.is_standard else str(self.path)

    def check(self) -> None:
        """Raise ImageError where there is no such picture, as far as that is known without opening it."""
        if self.error:
            raise self.error
        try:
            self.path.stat()
        except FileNotFoundError:
            raise ImageError(f"{self} does not exist; check the name") from None
        except (OSError, ValueError) as error:
            raise ImageError(f"{self} cannot be read: {getattr(error, 'strerror', None) or error}") from error


@dataclass(frozen=True)
class Inputs:
    """The pictures of a command.

    Attributes:
        pictures: each of them once.
        several: whether they were meant to be several, even where there is only one.
    """

    pictures: Sequence[Input]
    several: bool

    @property
    def has_standard(self) -> bool:
        """Whether standard input is one of them."""
        return any(picture.is_standard for picture in self.pictures)

    def check_several(self, option: str) -> None:
        """Raise UserError where an option for folders meets one picture, or standard input."""
        if self.has_standard:
            raise UserError(f"{option} cannot take a picture from standard input; give files or a folder")
        if not self.several:
            raise UserError(f"{option} is for several pictures; leave it out for one")


@contextmanager
def find_inputs(
    names: Sequence[Path], files_from: Path | None, recursive: bool, output: Path | None, ending: str | None
) -> Iterator[Inputs]:
    """Find the pictures that the command line names. What comes through standard input lies in a file meanwhile.

    Args:
        names: files, folders, patterns such as `*.png` that no shell has expanded, or `-` for standard input.
        files_from: a list of more of them, one a line; `-` reads it from standard input.
        recursive: take the pictures of the folders below a folder too.
        output: a folder that is not searched: that of the results.
        ending: what the names of results end in besides ENDINGS: those in a folder of pictures are passed over.

    Raises:
        FileError: a list that cannot be read.
        UserError: standard input for two things.
    """
    listed = [] if files_from is None else read_list(files_from)
    if [*names, *listed].count(STANDARD) + (files_from == STANDARD) > 1:
        raise UserError("standard input (-) can be read once only; give - for one thing")
    with tempfile.TemporaryDirectory(prefix="amsr-") as temporary:
        received = Path(temporary, "stdin")
        found: dict[Path, Input] = {}
        search = Search(recursive, output, ending)
        groups = [list(expand(name, search, received)) for name in (*names, *listed)]
        for picture in (picture for group in groups for picture in group):
            found.setdefault(picture.path.absolute(), picture)
        single = len(names) == len(groups) == 1 and len(found) == 1 and not is_folder(names[0])
        with shown_as(received, "standard input"):
            yield Inputs(list(found.values()), several=not single)


def read_list(path: Path) -> list[Path]:
    """Read the names in a list of files, in the encoding of file names: one a line, or with a zero byte after each.

    Raises:
        FileError: it cannot be read, is empty, or is no list.
    """
    try:
        content = sys.stdin.buffer.read() if path == STANDARD else path.read_bytes()
    except OSError as error:
        raise FileError(f"list {path} cannot be read: {error.strerror}") from error
    if b"\0\0" in content or content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise FileError(f"list {path} is no list of names; give a text in UTF-8 with one name a line")
    content = content.removeprefix(codecs.BOM_UTF8)
    lines = content.split(b"\0") if b"\0" in content else content.splitlines()
    names = [Path(os.fsdecode(line)) for line in lines if line.strip()]
    if not names:
        raise FileError(f"list {path} names no picture; give one name a line")
    return names


def expand(name: Path, search: Search, received: Path) -> Iterator[Input]:
    """Yield the pictures that one name stands for, in natural order; that of standard input is saved as a file."""
    if name == STANDARD:
        receive(received)
        yield Input(received, is_standard=True)
    elif is_folder(name):
        yield from search.pictures(name)
    elif glob.has_magic(str(name)) and not os.path.lexists(name):
        matches = natural(Path(match) for match in glob.iglob(str(name), recursive=True))  # noqa: PTH207 - of any root
        pictures = [match for match in matches if not (is_hidden(match) or is_folder(match) or is_special(match))]
        missing = Input(name, error=ImageError(f"{name} matches no picture; check the pattern"))
        yield from map(Input, pictures) if pictures else [missing]
    else:
        yield Input(name)


def receive(path: Path) -> None:
    """Keep what comes through standard input in a temporary file.

    Raises:
        FileError: it cannot be read, or the folder for temporary files has no room.
    """
    try:
        with path.open("wb") as file:
            file.writelines(received_blocks())
    except OSError as error:
        raise FileError(not_kept("standard input", error)) from error


def received_blocks() -> Iterator[bytes]:
    """Yield what comes through standard input, a part at a time.

    Raises:
        FileError: it cannot be read.
    """
    try:
        while block := sys.stdin.buffer.read(BLOCK):
            yield block
    except OSError as error:
        raise FileError(f"standard input cannot be read: {error.strerror}") from error


@dataclass(frozen=True)
class Search:
    """How folders are searched; see `find_inputs`."""

    recursive: bool
    output: Path | None
    ending: str | None

    def pictures(self, folder: Path) -> Iterator[Input]:
        """Yield the pictures of a folder, and of those below it where that is asked for.

        Hidden files and folders, the output folder, results of earlier runs, pipes and devices are passed over.
        """
        errors: list[OSError] = []
        found = False
        for parent, names in self._walk(folder, errors.append):
            pictures = [path for path in map(Path, names) if image.named_format(path)]
            if others := {Path(name).suffix or name for name in names} - {picture.suffix for picture in pictures}:
                _log.info("%s: passed over by their names: %s", parent, ", ".join(sorted(others)))
            stems = {picture.stem for picture in pictures}
            for picture in natural(pictures):
                if reason := self._reason_against(parent / picture, stems):
                    _log.info("%s is passed over: it is %s", parent / picture, reason)
                    continue
                found = True
                yield Input(parent / picture, parent.relative_to(folder))
        for error in errors:
            yield Input(
                Path(str(error.filename)), error=ImageError(f"{error.filename} cannot be read: {error.strerror}")
            )
        if not found and not errors:
            below = "" if self.recursive else "; --recursive takes those of the folders below it"
            kinds = ", ".join(image.FORMATS)
            yield Input(folder, error=ImageError(f"folder {folder} holds no picture ({kinds}){below}"))

    def _reason_against(self, picture: Path, stems: Collection[str]) -> str | None:
        """Say why a picture in a folder of pictures with these stems is none to upscale, or return None."""
        endings = f"{ENDINGS}|{re.escape(self.ending)}" if self.ending else ENDINGS
        made = re.fullmatch(f"(.+)({endings})", picture.stem)
        if made and made[1] in stems:
            return "the result of another picture here"
        return "no file but a pipe, socket or device" if is_special(picture) else None

    def _walk(self, folder: Path, fail: Callable[[OSError], None]) -> Iterator[tuple[Path, list[str]]]:
        """Yield folders with the names of the files in them that are not hidden."""
        left_out = None if self.output is None else os.path.realpath(self.output)
        for parent, folders, files in os.walk(folder, onerror=fail):
            visited = [Path(parent, name) for name in folders if not is_hidden(Path(name))]
            folders[:] = [
                path.name for path in natural(visited) if self.recursive and os.path.realpath(path) != left_out
            ]
            yield Path(parent), [name for name in files if not is_hidden(Path(name))]


def is_folder(path: Path) -> bool:
    """Return whether a path is a folder; one that the system does not take is none."""
    return os.path.isdir(path)  # noqa: PTH112 - Path.is_dir raises an error for those


def is_hidden(path: Path) -> bool:
    """Return whether a file is one of those that systems keep for themselves: `.name`, and `._name` of macOS."""
    return path.name.startswith(".")


def natural(paths: Iterable[Path]) -> list[Path]:
    """Sort paths as people do: photo2 before photo10."""
    return sorted(paths, key=lambda path: ([natural_key(part) for part in (*path.parent.parts, path.stem)], str(path)))


def natural_key(text: str) -> list[str | int]:
    """Split into text and numbers in turns."""
    parts = re.split(r"([0-9]+)", text)
    return [int(part) if place % 2 else part.casefold() for place, part in enumerate(parts)]
