"""Where a training stands, and who is told about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from amsr_deploy.training.validation import Validation


@dataclass(frozen=True)
class Status:
    """Where a training stands."""

    step: int
    steps: int
    loss: float
    """Mean L1 loss since the last status, for values in [0, 1]."""
    dilation: int | None
    """None while the masks are all ones."""
    learning_rate: float
    images_per_second: float
    remaining: float
    """Seconds to the end at the present speed."""


class Reporter(Protocol):
    """Somebody to tell about a training."""

    def message(self, text: str) -> None:
        """Anything worth a line."""

    def status(self, status: Status) -> None:
        """Some steps were made."""

    def validation(self, validation: Validation) -> None:
        """The weights were validated."""

    def close(self) -> None:
        """The training has ended."""
