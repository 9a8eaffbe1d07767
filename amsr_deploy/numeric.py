"""What counts as a number where a caller may set one: Python's and NumPy's, but not True and False."""

from __future__ import annotations

from typing import TypeGuard

import numpy as np


def is_whole(value: object) -> TypeGuard[int]:
    """Tell whether a value is a whole number."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def is_number(value: object) -> TypeGuard[float]:
    """Tell whether a value is one real number."""
    return is_whole(value) or isinstance(value, float | np.floating)
