"""Versions of packages: without them nobody can repeat a measurement or a training."""

from __future__ import annotations

import platform
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version

from amsr_deploy import __version__


def versions(*packages: str) -> dict[str, str]:
    """List the versions of this package, of Python, and of those of some packages that are installed."""
    found = {"amsr-deploy": __version__, "python": platform.python_version()}
    for package in packages:
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return found
