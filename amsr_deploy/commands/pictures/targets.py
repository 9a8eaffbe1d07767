"""The files that `amsr infer` makes of each picture."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from amsr_deploy.commands.pictures.inputs import Input
from amsr_deploy.commands.pictures.outputs import Outputs, SkippedError, beside
from amsr_deploy.commands.pictures.request import InferRequest


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

    @property
    def missing(self) -> list[Path]:
        """Those that are to be made."""
        return [path for path in (None if self.keeps_result else self.result, self.comparison, self.mask) if path]


class Sink(Protocol):
    """Takes the files that are made of pictures: `Outputs`, or what brings them there from another machine."""

    def target(self, source: Input, size: str) -> Path:
        """Name the file that the result of a picture goes to; the size is as in names."""

    def reserve_all(self, source: Input, files: Mapping[str, Path]) -> Collection[str]:
        """Reserve files by their purposes; return those of them that exist already and are kept."""

    def write(self, source: Input, target: Path, write_file: Callable[[Path], object]) -> None:
        """Let one of the files be written."""

    def shown(self, target: Path) -> str:
        """Return what users know a file as."""


def claim_files(sink: Sink, request: InferRequest, source: Input, size: str) -> Files:
    """Reserve the files for the result of that size and for what is wanted beside it.

    Raises:
        AmsrError: see `Outputs.reserve_all`.
    """
    wanted = {"result": sink.target(source, size)}
    if request.compare:
        wanted["comparison"] = beside(wanted["result"], "compare")
    if request.save_mask:
        wanted["mask"] = request.save_mask
    kept = sink.reserve_all(source, wanted)
    missing = {purpose: path for purpose, path in wanted.items() if purpose not in kept}
    return Files(wanted["result"], missing.get("comparison"), missing.get("mask"), "result" in kept)


def prepare(outputs: Outputs, request: InferRequest, scales: Collection[int], source: Input) -> None:
    """Check what can be known of a picture before it is read.

    Args:
        outputs: where the files go.
        request: what is wanted.
        scales: of the models.
        source: the picture.

    Raises:
        AmsrError: it is not there, or its output cannot be.
    """
    source.check()
    if not request.size.depends_on_picture:
        claim_files(outputs, request, source, request.size.label(scales))
    elif request.save_mask:
        with suppress(SkippedError):  # the name of the result is not known yet
            outputs.reserve(source, request.save_mask, "mask")
