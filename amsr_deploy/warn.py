"""Warnings that point at the line of whoever uses the package."""

from __future__ import annotations

import sys
import warnings
from traceback import walk_stack


def warn_caller(message: str) -> None:
    """Warn at the line that called the package, however deep inside the reason is found."""
    modules = [frame.f_globals.get("__name__", "") for frame, _ in walk_stack(sys._getframe())]
    levels = [level for level, module in enumerate(modules, start=1) if module.split(".")[0] == __package__]
    warnings.warn(message, stacklevel=levels[-1] + 1)
