"""Where the results of a command go, and that they replace nothing they should not."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from amsr_deploy import image
from amsr_deploy.commands.messages import shown_as
from amsr_deploy.commands.pictures.inputs import Input, Inputs, is_folder
from amsr_deploy.errors import AmsrError, FileError, ImageError, UserError
from amsr_deploy.files import STANDARD, check_standard_output, not_kept, replacing, write_standard
from amsr_deploy.image.canvas import not_written

Existing = Literal["refuse", "overwrite", "skip"]
"""What happens to a picture whose result exists already."""
LONGEST_NAME = 255
"""Bytes of a file name, where the system does not tell."""


class SkippedError(AmsrError):
    """A picture that is left out, because all that is wanted of it exists already."""


class TakenError(UserError):
    """A file that is reserved for another picture, which may fail."""


@dataclass(frozen=True)
class Naming:
    """How results are named: `NAME_SIZE.png` beside their pictures where nothing else is asked for.

    Attributes:
        output: a folder; for one picture also a file, or `-` for standard output.
        extension: that of the format, with its dot; None follows from `output`, else `.png`.
        suffix: what follows the picture's name in place of the size.
        existing: what happens where there is such a file.
    """

    output: Path | None = None
    extension: str | None = None
    suffix: str | None = None
    existing: Existing = "refuse"

    def __post_init__(self) -> None:
        """Raise UserError for a suffix that is no part of a name."""
        if self.suffix and Path(f"a{self.suffix}").name != f"a{self.suffix}":
            raise UserError(f"suffix {self.suffix!r} is no part of a file name; give something like _large")

    @property
    def format(self) -> image.Format:
        """The format that the outputs are going to have."""
        named = self.output and image.named_format(self.output)
        return image.FORMATS[self.extension] if self.extension else named or image.FORMATS[".png"]

    def is_standard(self, inputs: Inputs) -> bool:
        """Tell whether the result goes to standard output, as that of a picture from standard input does by default."""
        return self.output == STANDARD or (self.output is None and inputs.has_standard)

    def target(self, source: Input, size: str, into_folder: bool) -> Path:
        """Name the result of a picture: in `output` where that is a folder, else `output` itself."""
        if self.output and not into_folder:
            return self.output
        name = f"{source.path.stem}{f'_{size}' if self.suffix is None else self.suffix}{self.extension or '.png'}"
        return (self.output / source.folder if self.output else source.path.parent) / name


def wanted_handling(overwrite: bool, skip_existing: bool) -> Existing:
    """Return what the options say about existing files.

    Raises:
        UserError: they contradict each other.
    """
    if overwrite and skip_existing:
        raise UserError("--overwrite and --skip-existing contradict each other; give one of them")
    return "overwrite" if overwrite else "skip" if skip_existing else "refuse"


@dataclass
class Outputs:
    """The files that a command writes. Each belongs to one picture; an input is never one of them.

    Attributes:
        naming: how they are named.
        inputs: the pictures that are read.
        read: other files that are read.
        spool: the file that holds what goes to standard output.
    """

    naming: Naming
    inputs: Inputs
    read: Iterable[Path] = ()
    spool: Path | None = None
    claims: dict[str, tuple[Input, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raise UserError where several pictures would go into one file, or the format contradicts the output's."""
        output, extension = self.naming.output, self.naming.extension
        self._written: dict[str, Path] = {}
        self._inputs = {os.path.realpath(path) for path in (*(each.path for each in self.inputs.pictures), *self.read)}
        if output is None or output == STANDARD:
            if output and self.inputs.several:
                raise UserError("standard output (-) takes one picture; give a folder as --output")
            return
        named = None if is_folder(output) else image.named_format(output)
        if self.inputs.several and (named or output.is_file()):
            raise UserError(f"--output {output} is one file, but there are several pictures; give a folder")
        if extension and named and named != image.FORMATS[extension]:
            raise UserError(f"--output {output} is not of the format {extension[1:]}; leave out --format")

    @property
    def into_folder(self) -> bool:
        """Whether `output` is meant as a folder: for several pictures, where it is one, or where it has no suffix."""
        output = self.naming.output
        return output is not None and (
            self.inputs.several or is_folder(output) or not (output.suffix or os.path.lexists(output))
        )

    def target(self, source: Input, size: str) -> Path:
        """Name the file that the result of a picture goes to, and make its folder."""
        if self.spool:
            return self.spool
        target = self.naming.target(source, size, self.into_folder)
        if self.into_folder:
            make_folder(target.parent)
        return target

    def claim(self, source: Input, size: str) -> Path:
        """Reserve the file that the result of a picture goes to.

        Args:
            source: the picture.
            size: what its size is called in names, such as `x4`.

        Raises:
            SkippedError: it exists already and existing ones are skipped.
            UserError: it is an input, or belongs to another picture.
            FileError: it exists already, or its folder cannot be made.
            ImageError: it cannot be written, or the file system does not take its name.
        """
        return self.reserve(source, self.target(source, size), "result")

    def reserve(self, source: Input, target: Path, purpose: str) -> Path:
        """Likewise for a file of which the name is known, and what it is for."""
        check_name(target)
        key = os.path.realpath(target)
        if key in self._inputs:
            raise UserError(f"{target} is an input; choose another name for what is written")
        owner, use = self.claims.setdefault(key, (source, purpose))
        if owner is not source:
            raise TakenError(f"{target} is the result of {owner} already; give {source} another --output or --suffix")
        if use != purpose:
            raise UserError(f"{target} would be written twice; give the {use} and the {purpose} names of their own")
        self.check_free(source, target)
        image.check_writable(target)
        return target

    def reserve_all(self, source: Input, files: Mapping[str, Path]) -> Collection[str]:
        """Reserve all files that are wanted of a picture.

        Args:
            source: the picture.
            files: by their purposes.

        Returns:
            The purposes of those that exist already and are kept.

        Raises:
            SkippedError: all of them are kept.
            UserError, FileError, ImageError: see `claim`.
        """
        kept: dict[str, SkippedError] = {}
        for purpose, target in files.items():
            try:
                self.reserve(source, target, purpose)
            except SkippedError as reason:
                kept[purpose] = reason
        if len(kept) == len(files):
            raise next(iter(kept.values()))
        return kept.keys()

    def write(self, source: Input, target: Path, write_file: Callable[[Path], object]) -> None:
        """Let a file be written under another name, and give it its own unless a file has come there that must stay.

        Raises:
            SkippedError, FileError: see `claim`.
            ImageError: it cannot be written; that and FileError name what is written of the picture.
        """
        try:
            self._write(source, target, write_file)
        except (FileError, ImageError) as error:
            written = [self.shown(path) for key, path in list(self._written.items()) if self.claims[key][0] is source]
            message = str(error)
            if target == self.spool and isinstance(error.__cause__, OSError):
                message = not_kept("standard output", error.__cause__)
            raise type(error)("; ".join([message, *(f"{name} is written" for name in written)])) from error
        if target == self.spool:
            write_standard(target.read_bytes())
        self._written[os.path.realpath(target)] = target

    def _write(self, source: Input, target: Path, write_file: Callable[[Path], object]) -> None:
        """Do that without a word about other files."""
        self.check_free(source, target)
        try:
            with replacing(target, self.naming.existing == "overwrite") as path, shown_as(path, self.shown(target)):
                write_file(path)
        except OSError as error:
            self.check_free(source, target)  # it came during the work
            raise not_written(target, error) from error

    def release(self, source: Input) -> None:
        """Let other pictures have the files that were reserved for one that failed, but for those that are written."""
        for key, (owner, _) in list(self.claims.items()):
            if owner is source and key not in self._written:
                del self.claims[key]

    def shown(self, target: Path) -> str:
        """Return what users know a file as."""
        return "standard output" if target == self.spool else str(target)

    def check_free(self, source: Input, target: Path) -> None:
        """Raise where a file is there that must stay.

        Raises:
            SkippedError, FileError: see `claim`.
        """
        if target == self.spool or not (target.is_file() or target.is_symlink()):
            return
        if self.naming.existing == "skip":
            raise SkippedError(f"{target} exists already; {source} is skipped")
        if self.naming.existing == "refuse":
            raise FileError(f"{target} exists already; give --overwrite to replace it, --skip-existing to keep it")


def beside(target: Path, what: str) -> Path:
    """Name a further picture of the same result."""
    return target.with_name(f"{target.stem}_{what}.png")


@contextmanager
def open_outputs(naming: Naming, inputs: Inputs, read: Iterable[Path] = ()) -> Iterator[Outputs]:
    """Make the outputs of a command. What goes to standard output lies in a file until it is whole.

    Args:
        naming: how they are named.
        inputs: the pictures that are read.
        read: other files that are read.

    Raises:
        UserError: several pictures would go into one file, or a picture to a terminal.
    """
    if not naming.is_standard(inputs):
        yield Outputs(naming, inputs, read)
        return
    check_standard_output("pictures")
    with tempfile.TemporaryDirectory(prefix="amsr-") as folder:
        spool = Path(folder, f"stdout{naming.extension or '.png'}")
        with shown_as(spool, "standard output"):
            yield Outputs(replace(naming, output=STANDARD), inputs, read, spool)


def check_name(path: Path) -> None:
    """Raise UserError where the file system does not take a file name of that length."""
    folder = next((folder for folder in path.parents if is_folder(folder)), Path())
    try:
        longest = os.pathconf(folder, "PC_NAME_MAX")
    except (AttributeError, OSError, ValueError):
        longest = LONGEST_NAME
    length = len(os.fsencode(path.name))
    if length > longest:
        raise UserError(f"{path} has a name of {length} bytes, and {longest} are possible here; give a shorter one")


def make_folder(folder: Path) -> None:
    """Make a folder where it is missing.

    Raises:
        FileError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(f"output folder {folder} cannot be made: {error.strerror}") from error
