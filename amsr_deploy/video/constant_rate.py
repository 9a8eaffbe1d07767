"""Times in y4m, which holds frames of one rate."""

from __future__ import annotations

import logging
from fractions import Fraction

_log = logging.getLogger(__name__)


class ConstantRate:
    """Counts frames, and says once that their rate is not constant."""

    def __init__(self, rate: Fraction) -> None:
        self._rate = rate
        self._count, self._start, self._is_uneven = 0, Fraction(0), False

    def number(self, time: Fraction) -> int:
        """Return the number of the next frame, given the seconds at which it is shown."""
        late = time * self._rate - self._count
        self._start = late if self._count == 0 else self._start
        if abs(late - self._start) > 1 and not self._is_uneven:
            self._is_uneven = True
            _log.warning("y4m holds one rate only: the times of this video are not kept")
        self._count += 1
        return self._count - 1
