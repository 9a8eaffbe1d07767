"""How much work a picture is worth, as people say it: a dilation, a level of quality, or a budget."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from amsr_deploy.errors import UserError

LEVELS: Mapping[str, int | None] = {"fast": 1, "balanced": None, "best": 21}
"""Dilations of the levels of quality; None is the model's own."""


@dataclass(frozen=True)
class Effort:
    """One of these, or none of them for the model's own dilation.

    Attributes:
        dilation: side of the square that grows the mask.
        level: a key of `LEVELS`.
        budget: most multiply-accumulates of a picture, as a share of the dense network's.
    """

    dilation: int | None = None
    level: str | None = None
    budget: float | None = None

    def __post_init__(self) -> None:
        """Raise UserError where more than one is given, or a budget that is not a share."""
        if len(self.given) > 1:
            raise UserError(f"{' and '.join(self.given)} set the dilation each; give one of them")
        if self.budget is not None and not 0 < self.budget <= 1:
            raise UserError(f"budget {self.budget} is no share of the dense cost; give a number from 0 to 1, like 0.4")

    @property
    def given(self) -> list[str]:
        """The options that were given."""
        values = {"--dilation": self.dilation, "--quality-level": self.level, "--budget": self.budget}
        return [option for option, value in values.items() if value is not None]

    @property
    def chosen_dilation(self) -> int | None:
        """The dilation for `upscaler.load`; None is the model's own."""
        return LEVELS[self.level] if self.level else self.dilation
