"""Upscaling picture files: what `amsr infer` does with each of its inputs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from amsr_deploy import image
from amsr_deploy.descriptor import Strategy, describe
from amsr_deploy.errors import AmsrError, UserError
from amsr_deploy.mask import keep_windows
from amsr_deploy.runtime.mask import compute_mask
from amsr_deploy.runtime.settings import check_threshold
from amsr_deploy.runtime.upscaler import Upscaled, Upscaler, load

SUFFIX = "_x4.png"


@dataclass(frozen=True)
class Report:
    """What became of one picture; see `upscaler.Upscaled` for the figures."""

    model: str
    backend: str
    density: float
    cost_share: float
    seconds: float
    output: str
    dense_reason: str | None

    def __str__(self) -> str:
        density = f"dense: {self.dense_reason}" if self.dense_reason else f"density {self.density:.2f}"
        return (
            f"{self.output}: {self.model}, {self.backend}, {density}, "
            f"{self.cost_share:.0%} of the dense cost, {self.seconds:.2f} s"
        )


def plan_outputs(sources: Sequence[Path], output: Path | None) -> list[Path]:
    """Where each upscaled picture goes: beside its source, into the folder `output`, or (one source) to that file."""
    if output is None:
        return [source.parent / (source.stem + SUFFIX) for source in sources]
    if is_folder(output, sources):
        return [output / (source.stem + SUFFIX) for source in sources]
    return [output]


def is_folder(output: Path, sources: Sequence[Path]) -> bool:
    """Whether `output` is meant as a folder: for several sources, where it is one, or where it has no suffix."""
    return len(sources) > 1 or output.is_dir() or not (output.suffix or output.exists())


def check_distinct(inputs: Sequence[Path], outputs: Sequence[Path]) -> None:
    """Raises UserError where an output would replace an input or another output."""
    read = {path.resolve() for path in inputs}
    written: set[Path] = set()
    for path in outputs:
        if path.resolve() in read:
            raise UserError(f"{path} is an input; choose another name for what is written")
        if path.resolve() in written:
            raise UserError(f"{path} would be written twice; give pictures of different names, or one at a time")
        written.add(path.resolve())


def make_folder(folder: Path) -> None:
    """Make a folder where it is missing.

    Raises:
        UserError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"output folder {folder} cannot be made: {error.strerror}") from error


def upscale_picture(
    upscaler: Upscaler, source: Path, target: Path, mask: Path | None, save_mask: Path | None
) -> Report:
    """Upscale a picture file with all that belongs to it: alpha, depth, colour profile, EXIF.

    Args:
        upscaler: a loaded model.
        source: the picture.
        target: where the result goes; its suffix is the format.
        mask: a picture of the source's size, white where the network shall work; None computes a mask.
        save_mask: where the mask that was used goes, as a picture; None keeps it back.

    Raises:
        AmsrError: a picture that cannot be read, used or written.
    """
    picture = image.read(source)
    image.check_output(target, picture, upscaler.metadata.scale)
    region = None if mask is None else image.read_mask(mask, picture.size)
    runs: list[Upscaled] = []  # colour, then alpha where there is one

    def network(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        runs.append(upscaler.run(pixels, region))
        return runs[-1].image

    image.write(target, image.upscale(picture, network))
    colour = runs[0]
    if save_mask is not None:
        image.write_mask(save_mask, np.ones(picture.size, np.bool_) if colour.mask is None else colour.mask.pixels)
    seconds = sum(run.seconds for run in runs)
    return Report(
        upscaler.model,
        upscaler.backend,
        colour.density,
        colour.cost_share,
        seconds,
        str(target),
        colour.dense_reason,
    )


def infer_pictures(
    sources: Sequence[Path],
    output: Path | None,
    model: str | Path,
    show: Callable[[str], None],
    fail: Callable[[Exception], int],
    *,
    mask: Path | None = None,
    save_mask: Path | None = None,
    as_json: bool = False,
    **settings: Any,
) -> int:
    """Upscale pictures, on a GPU some at a time; one that fails does not stop the others.

    Args:
        sources: the pictures.
        output: see `plan_outputs`.
        model: name of a backbone, or path of an ONNX file.
        show: takes a line for each picture.
        fail: takes the error of each picture that failed.
        mask: see `upscale_picture`; for one picture only.
        save_mask: likewise.
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
    upscaler = load(model, **settings)
    if (mask or save_mask) and not upscaler.is_masked:
        raise UserError(f"{upscaler.model} works everywhere (--dense): it goes without --mask and --save-mask")
    targets = plan_outputs(sources, output)
    check_distinct([*sources, *filter(None, [mask])], [*targets, *filter(None, [save_mask])])
    if save_mask:
        image.check_writable(save_mask)
    if output and is_folder(output, sources):
        make_folder(output)
    jobs = [
        partial(upscale_picture, upscaler, source, target, mask, save_mask)
        for source, target in zip(sources, targets, strict=True)
    ]
    failures = 0
    for job in side_by_side(jobs, upscaler.concurrency):
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
    check_distinct([photo], [target])
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
