"""What changes over a training: the learning rate and the mask (design section 2.4)."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Stage:
    """From `start` (share of all steps, in [0, 1)) on, masks are dilated by `dilation`; None is all ones."""

    start: float
    dilation: int | None


def mask_stages(target: int, dense: float = 0.1, shrink: float = 0.3) -> tuple[Stage, ...]:
    """All ones first, then a large dilation that shrinks step by step to the target.

    Args:
        target: the dilation to end with, odd.
        dense: share of all steps with masks of all ones.
        shrink: share of all steps during which the dilation shrinks.
    """
    larger = [target + growth for growth in (16, 8, 4, 2)]
    starts = [dense + shrink * i / len(larger) for i in range(len(larger) + 1)]
    return (Stage(0.0, None), *(Stage(start, k) for start, k in zip(starts, [*larger, target], strict=True)))


def stage_at(stages: tuple[Stage, ...], progress: float) -> Stage:
    """The stage in force at a share of all steps."""
    return [stage for stage in stages if stage.start <= progress][-1]


def learning_rate(step: int, steps: int, peak: float, warmup: int = 200, floor: float = 1e-7) -> float:
    """Linear warm-up to the peak, then a cosine down to the floor."""
    if step < warmup:
        return peak * (step + 1) / warmup
    progress = min((step - warmup) / max(steps - warmup, 1), 1.0)
    return floor + (peak - floor) * (1 + math.cos(math.pi * progress)) / 2
