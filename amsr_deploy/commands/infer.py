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
from amsr_deploy.commands.output_size import OutputSize, reduce_to
from amsr_deploy.commands.outputs import Outputs
from amsr_deploy.descriptor import BACKBONES
from amsr_deploy.errors import AmsrError, UserError
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
