"""Settings of trainings that take a moment."""

from __future__ import annotations

from pathlib import Path

from amsr_deploy.training.config import Config


def quick_config(folder: Path) -> Config:
    """A few steps of FSRCNN on tiny patches, in float32."""
    return Config.of(
        "fsrcnn",
        str(folder),
        dilation=3,
        steps=8,
        batch_size=4,
        patch_size=8,
        validate_every=100,
        reductions=(1.0, 0.5),
        device="cpu",
        precision="float32",
    )
