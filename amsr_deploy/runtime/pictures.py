"""Upscaling picture files: what `amsr infer` does with each of its inputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from amsr_deploy.errors import UserError

SUFFIX = "_x4.png"


@dataclass(frozen=True)
class Report:
    """What became of one picture; see `upscaler.Upscaled` for the figures."""

    model: str
    backend: str
    density: float
    cost_share: float
    seconds: float
    output: str

    def __str__(self) -> str:
        return (
            f"{self.output}: {self.model}, {self.backend}, density {self.density:.2f}, "
            f"{self.cost_share:.0%} of the dense cost, {self.seconds:.2f} s"
        )


def plan_outputs(sources: Sequence[Path], output: Path | None) -> list[Path]:
    """Where each upscaled picture goes: beside its source, into the folder `output`, or, for one source, to that file.

    Raises:
        UserError: two pictures would go to one file, or one would replace a source.
    """
    into_folder = output is not None and (len(sources) > 1 or output.is_dir())
    if output is None:
        targets = [source.with_name(source.stem + SUFFIX) for source in sources]
    elif into_folder:
        targets = [output / (source.stem + SUFFIX) for source in sources]
    else:
        targets = [output]
    taken = {source.resolve(): source for source in sources}
    for source, target in zip(sources, targets, strict=True):
        other = taken.setdefault(target.resolve(), source)
        if other is not source or target.resolve() == source.resolve():
            raise UserError(f"{target} would hold the result of {source}, but is or belongs to {other}; use --output")
    if into_folder and output is not None:
        make_folder(output)
    return targets


def make_folder(folder: Path) -> None:
    """Make a folder where it is missing.

    Raises:
        UserError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"output folder {folder} cannot be made: {error.strerror}") from error
