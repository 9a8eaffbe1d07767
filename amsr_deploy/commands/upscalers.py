"""The models that pictures or a video need."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from amsr_deploy.commands.output_size import OutputSize
from amsr_deploy.descriptor import BACKBONES
from amsr_deploy.errors import UserError
from amsr_deploy.metadata import Metadata
from amsr_deploy.runtime.loading import load
from amsr_deploy.runtime.newest import describe_model
from amsr_deploy.runtime.settings import PictureSettings
from amsr_deploy.runtime.shipped import shipped_model, shipped_scales
from amsr_deploy.runtime.upscaler import Upscaler

Upscalers = Mapping[int, Upscaler]
"""Models by their scale."""


def load_upscalers(wanted: OutputSize, settings: PictureSettings) -> Upscalers:
    """Load the models that pictures may need: a file of one scale, or those of a backbone that ship.

    Args:
        wanted: size of the output.
        settings: keyword arguments of `loading.load`, with the model.

    Raises:
        AmsrError: see `loading.load`; a scale that no model has.
    """
    scales = scales_to_load(wanted, settings)
    if scales:
        return {scale: load(**(settings | {"scale": scale})) for scale in scales}
    upscaler = load(**settings)
    return dict.fromkeys(wanted.models([upscaler.metadata.scale]), upscaler)


def scales_to_load(wanted: OutputSize, settings: PictureSettings) -> list[int]:
    """List the scales of the shipped models that pictures may need; there are none of a file.

    Raises:
        UserError: no model is large enough.
    """
    model, dense = settings["model"], settings.get("dense", False)
    scales = shipped_scales(model, dense, settings.get("trained_for")) if model in BACKBONES else ()
    return wanted.models(scales) if scales else []


def describe_wanted(wanted: OutputSize, settings: PictureSettings) -> dict[int, tuple[Path, Metadata]]:
    """Find the models that `load_upscalers` loads, and what they say about themselves, without loading them.

    Raises:
        AmsrError: see `load_upscalers`.
    """
    model = settings["model"]
    if model in BACKBONES:
        find = partial(shipped_model, str(model), trained_for=settings.get("trained_for"))
        paths = [find(scale) for scale in scales_to_load(wanted, settings)] or [find()]  # which says what is missing
    else:
        paths = [Path(model)]
    models = {metadata.scale: (path, metadata) for path in paths for metadata in [describe_model(path)]}
    return {scale: models[scale] for scale in wanted.models(models)}


def at_once(upscalers: Upscalers) -> int:
    """Count the pictures that all models may upscale at the same time."""
    return min(upscaler.concurrency for upscaler in upscalers.values())


def check_masked(upscalers: Upscalers, **given: object) -> None:
    """Raise UserError where a model without mask is to follow one: by arguments that are not None."""
    dense = [upscaler.model for upscaler in upscalers.values() if not upscaler.is_masked]
    names = [f"`{name}`" for name, value in given.items() if value is not None]
    if dense and names:
        raise UserError(f"{dense[0]} works everywhere: it cannot be combined with {' and '.join(names)}")
