"""The state of a training, and the base of what reports it."""

from __future__ import annotations

from dataclasses import dataclass

from amsr_deploy.training.validation import Validation


@dataclass(frozen=True)
class Status:
    """The state of a training."""

    step: int
    steps: int
    loss: float
    """Mean of the loss that the training makes smaller, since the last status; see `compute_loss`."""
    dilation: int | None
    """None while the masks are all ones."""
    learning_rate: float
    """That of the last step."""
    patches_per_second: float
    remaining: float
    """Seconds to the end at the present speed."""


class Reporter:
    """Receives the messages and figures of a training; this one ignores them."""

    def message(self, text: str) -> None:
        """Report anything worth a line."""

    def status(self, status: Status) -> None:
        """Report that some steps were made."""

    def validation(self, validation: Validation) -> None:
        """Report that the weights were validated."""

    def close(self) -> None:
        """End the report."""
