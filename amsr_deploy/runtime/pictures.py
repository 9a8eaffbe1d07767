"""Upscaling picture files: what `amsr infer` does with each of its inputs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from amsr_deploy import image
from amsr_deploy.descriptor import BACKBONES, Strategy, describe
from amsr_deploy.errors import AmsrError, UserError
from amsr_deploy.mask import keep_windows
from amsr_deploy.runtime.mask import compute_mask
from amsr_deploy.runtime.output_size import OutputSize, reduce_to
from amsr_deploy.runtime.outputs import Outputs, check_distinct
from amsr_deploy.runtime.settings import check_threshold
from amsr_deploy.runtime.shipped import shipped_scales
from amsr_deploy.runtime.upscaler import Upscaled, Upscaler, load

Upscalers = Mapping[int, Upscaler]
"""Models by their scale."""


@dataclass(frozen=True)
class Report:
    """What became of one picture; see `upscaler.Upscaled` for the figures, `output_size.Plan` for the size."""

    model: str
    origin: str
    """`shipped` with the package, or `yours`."""
    scale: int
    backend: str
    density: float
    cost_share: float
    seconds: float
    output: str
    dense_reason: str | None
    reduction: str | None

    def __str__(self) -> str:
        density = f"dense: {self.dense_reason}" if self.dense_reason else f"density {self.density:.2f}"
        return (
            f"{self.output}: {self.model} ({self.origin}), {self.backend}, {density}, "
            f"{self.cost_share:.0%} of the dense cost, {self.seconds:.2f} s"
        ) + (f", {self.reduction}" if self.reduction else "")


def load_upscalers(model: str | Path, wanted: OutputSize, **settings: Any) -> Upscalers:
    """The models that pictures may need: a file of one scale, or those of a backbone that ship.

    Args:
        model: name of a backbone, or path of a model.
        wanted: size of the output.
        settings: keyword arguments of `upscaler.load`.

    Raises:
        AmsrError: see `upscaler.load`; a scale that no model has.
    """
    scales = shipped_scales(model, settings.get("dense", False)) if model in BACKBONES else ()
    if scales:
        return {scale: load(model, scale=scale, **settings) for scale in wanted.models(scales)}
    upscaler = load(model, **settings)
    return dict.fromkeys(wanted.models([upscaler.metadata.scale]), upscaler)


def upscale_picture(upscalers: Upscalers, origin: str, wanted: OutputSize, source: Path, outputs: Outputs) -> Report:
    """Upscale a picture file with all that belongs to it: alpha, depth, colour profile, EXIF.

    Args:
        upscalers: loaded models.
        origin: where they come from; see `Report`.
        wanted: size of the output.
        source: the picture.
        outputs: where the result goes, and which masks are read and written.

    Raises:
        AmsrError: a picture that cannot be read, used or written.
    """
    picture = image.read(source)
    plan = wanted.plan(source, picture.size, upscalers)
    upscaler, target = upscalers[plan.scale], outputs.place(source, plan.label)
    image.check_output(target, picture, plan.size)
    region = None if outputs.mask is None else image.read_mask(outputs.mask, picture.size)
    runs: list[Upscaled] = []  # colour, then alpha where there is one

    def network(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        runs.append(upscaler.run(pixels, region))
        return reduce_to(runs[-1].image, plan.size) if plan.reduced else runs[-1].image

    image.write(target, image.upscale(picture, network))
    colour = runs[0]
    if outputs.save_mask is not None:
        pixels = np.ones(picture.size, np.bool_) if colour.mask is None else colour.mask.pixels
        image.write_mask(outputs.save_mask, pixels)
    seconds = sum(run.seconds for run in runs)
    return Report(
        upscaler.model,
        origin,
        plan.scale,
        upscaler.backend,
        colour.density,
        colour.cost_share,
        seconds,
        str(target),
        colour.dense_reason,
        plan.reduction,
    )


def infer_pictures(
    sources: Sequence[Path],
    output: Path | None,
    model: str | Path,
    show: Callable[[str], None],
    fail: Callable[[Exception], int],
    *,
    wanted: OutputSize,
    mask: Path | None = None,
    save_mask: Path | None = None,
    as_json: bool = False,
    **settings: Any,
) -> int:
    """Upscale pictures, on a GPU some at a time; one that fails does not stop the others.

    Args:
        sources: the pictures.
        output: see `Outputs`.
        model: name of a backbone, or path of an ONNX file.
        show: takes a line for each picture.
        fail: takes the error of each picture that failed.
        wanted: size of the output.
        mask: a picture of the source's size, white where the network shall work; None computes a mask.
        save_mask: where the mask that was used goes, as a picture; both are for one picture only.
        as_json: lines are JSON objects of `Report`.
        settings: keyword arguments of `upscaler.load`.

    Returns:
        The number of pictures that failed.

    Raises:
        AmsrError: what concerns all pictures: the model, the settings, the output folder.
    """
    if len(sources) > 1 and (mask or save_mask):
        raise UserError("--mask and --save-mask are for one picture at a time")
    if mask and (settings.get("dilation") is not None or settings.get("strategy", "kmeans") != "kmeans"):
        raise UserError("--mask is taken as it is: it goes without --dilation and --strategy")
    upscalers = load_upscalers(model, wanted, **settings)
    dense = [upscaler.model for upscaler in upscalers.values() if not upscaler.is_masked]
    if (mask or save_mask) and dense:
        raise UserError(f"{dense[0]} works everywhere (--dense): it goes without --mask and --save-mask")
    if save_mask:
        image.check_writable(save_mask)
    outputs = Outputs(sources, output, mask, save_mask)
    outputs.prepare(wanted.label(upscalers))
    origin = "shipped" if model in BACKBONES else "yours"
    jobs = [partial(upscale_picture, upscalers, origin, wanted, source, outputs) for source in sources]
    failures = 0
    for job in side_by_side(jobs, min(upscaler.concurrency for upscaler in upscalers.values())):
        try:
            report = job()
        except (AmsrError, OSError, MemoryError) as error:
            fail(error)
            failures += 1
        else:
            show(json.dumps(asdict(report)) if as_json else str(report))
    if failures and len(sources) > 1:
        fail(AmsrError(f"{failures} of {len(sources)} pictures failed"))
    return failures


def side_by_side(jobs: Sequence[Callable[[], Report]], at_once: int) -> Iterator[Callable[[], Report]]:
    """Calls that give the results of jobs in their order, while up to `at_once` of them run in threads."""
    if at_once == 1:
        yield from jobs
        return
    with ThreadPoolExecutor(at_once) as threads:
        try:
            yield from [threads.submit(job).result for job in jobs]
        finally:
            threads.shutdown(cancel_futures=True)


def write_picture_mask(
    photo: Path,
    output: Path | None,
    overlay: bool,
    backbone: str,
    dilation: int | None,
    threshold: float | None,
    strategy: Strategy,
) -> str:
    """Write where a backbone works on a photo, or the photo with that area tinted; returns a line about the mask.

    Args:
        photo: the picture.
        output: where to write; None is beside the photo, `NAME_mask.png` or `NAME_overlay.png`.
        overlay: tint the photo.
        backbone: its dilation is the default; where it works by windows, the kept ones of unshifted layers are shown.
        dilation: side k of the mask's dilation square, odd; None is the backbone's own.
        threshold: share of masked pixels from which a window is kept (SwinIR), in [0, 1]; None is the backbone's own.
        strategy: how the mask's threshold is found.

    Raises:
        AmsrError: a photo that cannot be read, an even dilation, a threshold that is no share or for a backbone without
            windows, an output that cannot be written.
    """
    descriptor = describe(backbone)
    if threshold is not None:
        check_threshold(threshold, backbone, descriptor.body == "windows")
    picture = image.read(photo)
    found = compute_mask(picture.rgb, descriptor.dilation if dilation is None else dilation, strategy)
    pixels, unit = found.pixels, "pixels"
    if descriptor.body == "windows":
        share = descriptor.threshold if threshold is None else threshold
        pixels, unit = windowed(found.pixels, descriptor.window_size, share), "pixels in kept windows"
    target = output or photo.parent / f"{photo.stem}_{'overlay' if overlay else 'mask'}.png"
    check_distinct({photo.resolve()}, [target])
    if overlay:
        tinted = image.overlay(picture, pixels)
        image.check_output(target, tinted)
        image.write(target, tinted)
    else:
        image.write_mask(target, pixels)
    return f"{target}: density {pixels.mean():.3f} ({unit}), threshold {found.threshold:.4f}, {found.rounds} rounds"


def windowed(mask: NDArray[np.bool_], window_size: int, threshold: float) -> NDArray[np.bool_]:
    """The pixels [H, W] of the windows that a mask [H, W] keeps; see `keep_windows`."""
    height, width = mask.shape
    padded = np.pad(mask, [(0, -side % window_size) for side in mask.shape], mode="reflect")
    kept = keep_windows(padded, window_size, threshold)
    return kept.repeat(window_size, axis=0).repeat(window_size, axis=1)[:height, :width]
