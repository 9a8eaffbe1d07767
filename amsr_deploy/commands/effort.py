"""How much work a picture is worth, as people say it: a dilation, a level of quality, or a budget."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from amsr_deploy.errors import UserError

if TYPE_CHECKING:
    from amsr_deploy.runtime.settings import PictureSettings

LEVELS: Mapping[str, int | None] = {"fast": 1, "balanced": None, "best": 21}
"""Dilations of the levels of quality; None is the model's own."""

_log = logging.getLogger(__name__)


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
        if self.budget is not None:
            from amsr_deploy.runtime.checks import check_budget  # here, because the command line's help needs no NumPy

            check_budget(self.budget)

    def check(self, mask: Path | None, settings: PictureSettings) -> None:
        """Raise UserError where it contradicts other options."""
        strategy = settings.get("strategy", "kmeans")
        if mask and (self.given or strategy != "kmeans"):
            others = " and ".join([*self.given, *(["--strategy"] if strategy != "kmeans" else [])])
            raise UserError(f"--mask is taken as it is: it cannot be combined with {others}")
        if self.given and settings.get("dense"):
            raise UserError(f"--dense works everywhere: it cannot be combined with {self.given[0]}")
        if self.budget is not None and settings.get("self_ensemble"):
            raise UserError("--self-ensemble makes eight runs: it cannot be combined with --budget; give --dilation")

    def check_cost(self, source: str, share: float) -> None:
        """Warn where a picture costs more than the budget, as a share of the dense network's arithmetic."""
        if self.budget is not None and share > self.budget:
            _log.warning("%s: even dilation 1 costs %.3g of the dense network, not %g", source, share, self.budget)

    @property
    def given(self) -> list[str]:
        """The options that were given."""
        values = {"--dilation": self.dilation, "--quality-level": self.level, "--budget": self.budget}
        return [option for option, value in values.items() if value is not None]

    @property
    def chosen_dilation(self) -> int | None:
        """The dilation for `loading.load`; None is the model's own."""
        return LEVELS[self.level] if self.level else self.dilation
