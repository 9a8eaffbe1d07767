"""Where the results of a command go, and that they replace nothing they should not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from amsr_deploy.errors import UserError


@dataclass(frozen=True)
class Outputs:
    """Where upscaled pictures go: `NAME_SIZE.png`, or the one file that was named.

    Attributes:
        sources: the pictures that are read.
        output: a folder or, for one source, a file; None is beside each source.
        mask: another picture that is read.
        save_mask: another one that is written.
    """

    sources: Sequence[Path]
    output: Path | None
    mask: Path | None = None
    save_mask: Path | None = None

    def prepare(self, size: str) -> None:
        """Check where all results of a size go, and make their folder.

        Raises:
            UserError: an input or another output would be replaced, or the folder cannot be made.
        """
        targets = [self._target(source, size) for source in self.sources]
        check_distinct(self._read, [*targets, *filter(None, [self.save_mask])])
        if self.output and self._is_folder:
            make_folder(self.output)

    def place(self, source: Path, size: str) -> Path:
        """Where the result of a source goes.

        Raises:
            UserError: that is an input or another output.
        """
        target = self._target(source, size)
        check_distinct(self._read, [target, *filter(None, [self.save_mask])])
        return target

    def _target(self, source: Path, size: str) -> Path:
        if self.output and not self._is_folder:
            return self.output
        return (self.output or source.parent) / f"{source.stem}_{size}.png"

    @cached_property
    def _is_folder(self) -> bool:
        """Whether `output` is meant as a folder: for several sources, where it is one, or where it has no suffix."""
        output = self.output
        return output is not None and (
            len(self.sources) > 1 or output.is_dir() or not (output.suffix or output.exists())
        )

    @cached_property
    def _read(self) -> set[Path]:
        return {path.resolve() for path in (*self.sources, *filter(None, [self.mask]))}


def check_distinct(read: set[Path], outputs: Sequence[Path]) -> None:
    """Raises UserError where an output would replace what is read, by its resolved path, or another output."""
    written: set[Path] = set()
    for path in outputs:
        if path.resolve() in read:
            raise UserError(f"{path} is an input; choose another name for what is written")
        if path.resolve() in written:
            raise UserError(f"{path} would be written twice; give pictures of different names, or one at a time")
        written.add(path.resolve())


def make_folder(folder: Path) -> None:
    """Make a folder where it is missing.

    Raises:
        UserError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"output folder {folder} cannot be made: {error.strerror}") from error
