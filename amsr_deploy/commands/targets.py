"""The files that `amsr infer` makes of each picture."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from amsr_deploy.commands.inputs import Input
from amsr_deploy.commands.outputs import Outputs, SkippedError, beside
from amsr_deploy.commands.request import Request
from amsr_deploy.errors import ImageError


@dataclass(frozen=True)
class Files:
    """The files that are made of a picture.

    Attributes:
        result: the upscaled picture.
        comparison: None where it is not wanted, or is there already and kept.
        mask: likewise.
        keeps_result: whether the result is there already and kept: what is missing beside it is made.
    """

    result: Path
    comparison: Path | None = None
    mask: Path | None = None
    keeps_result: bool = False


class Results(Protocol):
    """Takes the files that are made of pictures."""

    def claim(self, source: Input, size: str) -> Files:
        """Name the files for the result of that size and for what is wanted beside it.

        Raises:
            AmsrError: they cannot be.
        """

    def write(self, source: Input, files: Files, target: Path, write_file: Callable[[Path], object]) -> None:
        """Let one of the files be written."""

    def shown(self, target: Path) -> str:
        """Return what users know a file as."""


@dataclass(frozen=True)
class Targets:
    """The files that a command makes of its pictures."""

    outputs: Outputs
    request: Request
    scales: Collection[int]
    """Of the models."""

    def prepare(self, source: Input) -> None:
        """Check what can be known of a picture before it is read.

        Raises:
            AmsrError: it is not there, or its output cannot be.
        """
        source.check()
        if not self.request.size.depends_on_picture:
            self.claim(source, self.request.size.label(self.scales))
        elif self.request.save_mask:
            with suppress(SkippedError):  # the name of the result is not known yet
                self.outputs.reserve(source, self.request.save_mask, "mask")

    def claim(self, source: Input, size: str) -> Files:
        """Reserve the files for the result and for what is wanted beside it; see `Outputs.reserve_all`."""
        wanted = {"result": self.outputs.target(source, size)}
        if self.request.compare:
            wanted["comparison"] = beside(wanted["result"], "compare")
        if self.request.save_mask:
            wanted["mask"] = self.request.save_mask
        kept = self.outputs.reserve_all(source, wanted)
        missing = {purpose: path for purpose, path in wanted.items() if purpose not in kept}
        return Files(wanted["result"], missing.get("comparison"), missing.get("mask"), "result" in kept)

    def write(self, source: Input, files: Files, target: Path, write_file: Callable[[Path], object]) -> None:
        """Write one of the files, the result first; see `Outputs.write`."""
        try:
            self.outputs.write(source, target, write_file)
        except ImageError as error:
            if target == files.result:
                raise
            raise ImageError(f"{error}; {self.shown(files.result)} is written") from error

    def shown(self, target: Path) -> str:
        """Return what users know a file as."""
        return self.outputs.shown(target)
