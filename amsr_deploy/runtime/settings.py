"""The keyword arguments of `loading.load` as types, for functions that pass them on."""

from __future__ import annotations

from pathlib import Path
from typing import TypedDict

from amsr_deploy.descriptor import Device, PrecisionChoice, Purpose, Strategy


class Settings(TypedDict, total=False):
    """What pictures and videos have in common."""

    scale: int | None
    trained_for: Purpose | None
    device: Device
    dilation: int | None
    threshold: float | None
    strategy: Strategy
    dense: bool
    threads: int | None
    precision: PrecisionChoice | None
    self_ensemble: bool


class PictureSettings(Settings, total=False):
    """All of them."""

    model: str | Path
    tile: int | None
