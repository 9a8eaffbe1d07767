"""The models that pictures or a video need."""

from __future__ import annotations

from collections.abc import Mapping

from amsr_deploy.commands.output_size import OutputSize
from amsr_deploy.descriptor import BACKBONES
from amsr_deploy.errors import UserError
from amsr_deploy.runtime.settings import PictureSettings
from amsr_deploy.runtime.shipped import shipped_scales
from amsr_deploy.runtime.upscaler import Upscaler, load

Upscalers = Mapping[int, Upscaler]
"""Models by their scale."""


def load_upscalers(wanted: OutputSize, settings: PictureSettings) -> Upscalers:
    """Load the models that pictures may need: a file of one scale, or those of a backbone that ship.

    Args:
        wanted: size of the output.
        settings: keyword arguments of `upscaler.load`, with the model.

    Raises:
        AmsrError: see `upscaler.load`; a scale that no model has.
    """
    model, dense = settings["model"], settings.get("dense", False)
    scales = shipped_scales(model, dense, settings.get("trained_for")) if model in BACKBONES else ()
    if scales:
        return {scale: load(**(settings | {"scale": scale})) for scale in wanted.models(scales)}
    upscaler = load(**settings)
    return dict.fromkeys(wanted.models([upscaler.metadata.scale]), upscaler)


def at_once(upscalers: Upscalers) -> int:
    """Count the pictures that all models may upscale at the same time."""
    return min(upscaler.concurrency for upscaler in upscalers.values())


def check_masked(upscalers: Upscalers, **given: object) -> None:
    """Raise UserError where a model without mask is to follow one: by arguments that are not None."""
    dense = [upscaler.model for upscaler in upscalers.values() if not upscaler.is_masked]
    names = [f"`{name}`" for name, value in given.items() if value is not None]
    if dense and names:
        raise UserError(f"{dense[0]} works everywhere: it cannot be combined with {' and '.join(names)}")
