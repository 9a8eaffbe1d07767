"""What changes over a training: the learning rate and the mask."""

from __future__ import annotations

import math
from dataclasses import dataclass

from amsr_deploy.errors import UserError
from amsr_deploy.mask import check_dilation

DENSE = "dense"
WARMUP_SHARE = 0.1
"""Most of a training that the learning rate takes to rise."""
WARMUP_STEPS = 200
"""Most steps that it takes for that."""
LOWEST_RATE = 1e-7
"""The learning rate at the end."""
SHRINKING = 0.3
"""Share of a training during which the dilation shrinks."""
GROWTHS = (16, 8, 4, 2)
"""How much larger than the target the dilation is, stage after stage."""


@dataclass(frozen=True)
class Stage:
    """A part of a training with one kind of mask.

    Attributes:
        dilation: side k of the square that grows the masks, odd; None makes them all ones.
        share: its share of all steps, in [0, 1].
    """

    dilation: int | None
    share: float


@dataclass(frozen=True)
class MaskSchedule:
    """The stages of a training, in order; the last one has the dilation that the network is meant for."""

    stages: tuple[Stage, ...]

    @classmethod
    def towards(cls, target: int, dense: float = 0.1) -> MaskSchedule:
        """Make a schedule: all ones first, then a large dilation that shrinks step by step to the target.

        Args:
            target: the dilation to end with, odd.
            dense: share of all steps with masks of all ones.
        """
        first = (Stage(None, dense),) if dense else ()
        shrinking = (Stage(target + growth, SHRINKING / len(GROWTHS)) for growth in GROWTHS)
        return cls((*first, *shrinking, Stage(target, 1 - dense - SHRINKING)))

    @classmethod
    def parse(cls, text: str) -> MaskSchedule:
        """Read `dense:0.1,21:0.15,13:0.15,5`: dilations with their shares of all steps, the last one takes the rest.

        Raises:
            UserError: not of this form, an even dilation, or shares that leave nothing for the last stage.
        """
        *parts, target = text.replace(" ", "").split(",")
        try:
            pairs = [part.split(":") for part in parts]
            stages = [Stage(None if name == DENSE else int(name), float(share)) for name, share in pairs]
            last = Stage(int(target), 1 - sum(stage.share for stage in stages))
        except ValueError:
            raise UserError(
                f"mask schedule {text!r} cannot be read; write it like dense:0.1,21:0.15,13:0.15,5"
            ) from None
        for stage in (*stages, last):
            if stage.dilation is not None:
                check_dilation(stage.dilation)
            if not 0 < stage.share <= 1:
                raise UserError(
                    f"mask schedule {text!r} has a stage of share {stage.share:g}; all must be above 0, sum 1"
                )
        return cls((*stages, last))

    def __str__(self) -> str:
        """Write the schedule in the form that `parse` reads."""
        first = [f"{DENSE if stage.dilation is None else stage.dilation}:{stage.share:g}" for stage in self.stages[:-1]]
        return ",".join([*first, str(self.target)])

    @property
    def target(self) -> int:
        """The dilation of the last stage."""
        dilation = self.stages[-1].dilation
        assert dilation is not None
        return dilation

    def dilation_at(self, progress: float) -> int | None:
        """Return the dilation at a share of the training, in [0, 1); None is a mask of all ones."""
        end = 0.0
        for stage in self.stages[:-1]:
            end += stage.share
            if progress < end:
                return stage.dilation
        return self.target


def learning_rate(step: int, progress: float, peak: float) -> float:
    """Compute the rate of a step: a cosine from the peak down to the lowest rate, times a linear warm-up.

    Args:
        step: number of the step, from 0.
        progress: share of the training that is done, in [0, 1].
        peak: where the cosine begins; with the warm-up it is almost reached.
    """
    rise = min(max((step + 1) / WARMUP_STEPS, progress / WARMUP_SHARE), 1.0)
    return LOWEST_RATE + rise * (peak - LOWEST_RATE) * (1 + math.cos(math.pi * progress)) / 2
