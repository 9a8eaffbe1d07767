"""How good the networks' pictures are, and what is outside their masks."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from amsr_deploy.descriptor import Strategy, describe
from amsr_deploy.evaluation.evaluate import compare
from amsr_deploy.image.arrays import from_float, to_float
from amsr_deploy.image.pairs import low_resolution, picture_paths
from amsr_deploy.mask import compute_mask, dilate, keep_windows
from amsr_deploy.model_file import read_metadata
from amsr_deploy.runtime.backends.onnxruntime import OnnxRuntimeBackend
from amsr_deploy.runtime.shipped import shipped_model
from amsr_deploy.runtime.upscaler import Upscaler
from amsr_deploy.runtime.upscaling import Upscaling
from paper.linear_upsampler import LinearFit, LinearUpsampler
from paper.plan import SCALE, Picture, Plan
from paper.records import Record

DIGEST = 8
"""Hexadecimal digits by which weights are named."""
FLAT_DILATION = 5
"""Flat is what the default mask of most networks leaves out."""


@dataclass(frozen=True)
class Setting:
    """A network and its mask; a dilation of None is the dense network."""

    backbone: str
    dilation: int | None
    strategy: Strategy = "kmeans"
    threshold: float | None = None

    @property
    def key(self) -> Record:
        """What names it in records."""
        return {"model": self.backbone, "weights": weights(self.backbone), **self.mask_key}

    @property
    def mask_key(self) -> Record:
        """What names its mask in records."""
        if self.dilation is None:
            return {"dilation": None}
        extra = {} if self.threshold is None else {"threshold": self.threshold}
        return {"dilation": self.dilation, "strategy": self.strategy} | extra

    def upscaler(self, threads: int) -> Upscaler:
        """Set the network to work."""
        if self.dilation is None:
            return Upscaler(_backend(self.backbone, True, threads), dense=True)
        return Upscaler(_backend(self.backbone, False, threads), self.dilation, self.threshold, self.strategy)

    def quick_upscaler(self, threads: int) -> Upscaler:
        """Set up one that makes the same pictures: dense SwinIR is sooner as the masked one with all windows kept."""
        if self.dilation is None and describe(self.backbone).body == "windows":
            return Upscaler(_backend(self.backbone, False, threads), threshold=0.0)
        return self.upscaler(threads)


@cache
def weights(backbone: str) -> str:
    """Name a model's weights."""
    return read_metadata(shipped_model(backbone, SCALE)).weights_sha256[:DIGEST]


@cache
def _backend(backbone: str, dense: bool, threads: int) -> OnnxRuntimeBackend:
    return OnnxRuntimeBackend(shipped_model(backbone, SCALE, dense), "cpu", threads)


def quality(image: NDArray[np.float32], hr: Image.Image) -> Record:
    """Measure PSNR and SSIM of a picture [H, W, 3] in [0, 1], rounded to 8 bits."""
    return asdict(compare(from_float(image, np.dtype(np.uint8)), np.asarray(hr), SCALE))


def score(plan: Plan, picture: Picture, setting: Setting, **extra: Any) -> None:
    """Store how good a network's picture is and what it cost."""
    key = {"kind": "scores", "set": picture.set_name, "picture": picture.name, **setting.key, **extra}
    plan.store.measure(key, lambda: _scores(setting.quick_upscaler(plan.threads), picture))


def _scores(upscaler: Upscaler, picture: Picture) -> Record:
    upscaling = upscaler.prepare(picture.lr)
    return quality(upscaling.run(np.dtype(np.float32)), picture.hr) | cost(upscaler, upscaling)


def cost(upscaler: Upscaler, upscaling: Upscaling) -> Record:
    """Tell what a picture costs: density, share of dense MACs, MACs in 1e9."""
    height, width = upscaling.runner.image.shape[:2]
    gmacs = upscaler.metadata.cost.masked(upscaling.density) * height * width / 1e9
    return {"density": upscaling.density, "cost_share": upscaling.cost_share, "gmacs": gmacs}


def score_scope(plan: Plan, picture: Picture, setting: Setting, linear: LinearUpsampler) -> None:
    """Store the scores of a masked network, and those of its picture with something else outside the mask."""
    scores = {"kind": "scores", "set": picture.set_name, "picture": picture.name, **setting.key}
    key = scores | {"kind": "scope"}
    if plan.store.has(scores) and plan.store.has(key):
        return
    upscaler = setting.upscaler(plan.threads)
    upscaling = upscaler.prepare(picture.lr)
    result = upscaling.run(np.dtype(np.float32))
    plan.store.measure(scores, lambda: quality(result, picture.hr) | cost(upscaler, upscaling))
    plan.store.measure(key, lambda: _scope(upscaler, result, picture, linear))


def _scope(upscaler: Upscaler, image: NDArray[np.float32], picture: Picture, linear: LinearUpsampler) -> Record:
    """Score with bicubic interpolation and with the linear upsampler outside the mask, and the cost it would have.

    Body on masked pixels; head and tail on them and a ring of one; the linear upsampler on the others.
    """
    region = worked_on(upscaler, picture.lr)
    enlarged = region.repeat(SCALE, axis=0).repeat(SCALE, axis=1)[..., None]
    macs, density, ring = upscaler.metadata.cost, float(region.mean()), float(dilate(region, 3).mean())
    record = {"cost_share": (ring * macs.fixed + density * macs.body + (1 - density) * linear.macs) / macs.dense}
    for name, other in (("bicubic", bicubic(picture)), ("linear", linear.upscale(picture.lr))):
        found = quality(np.where(enlarged, image, other), picture.hr)
        record |= {f"{name}_{metric}": value for metric, value in found.items()}
    return record


def worked_on(upscaler: Upscaler, lr: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Find where a masked network works: masked pixels, or those of kept windows of unshifted layers; [H, W] bool."""
    mask = upscaler.mask(lr).pixels
    side = upscaler.metadata.window_size
    if side == 1:
        return mask
    padded = np.pad(mask, [(0, -length % side) for length in mask.shape], mode="reflect")
    kept = keep_windows(padded, side, upscaler.masking.threshold)
    return kept.repeat(side, axis=0).repeat(side, axis=1)[: mask.shape[0], : mask.shape[1]]


def bicubic(picture: Picture) -> NDArray[np.float32]:
    """Upscale a picture by bicubic interpolation: [sH, sW, 3] in [0, 1]."""
    small = low_resolution(picture.hr, SCALE)
    return to_float(np.asarray(small.resize(picture.hr.size, Image.Resampling.BICUBIC)))


def score_interpolation(plan: Plan, picture: Picture, linear: LinearUpsampler) -> None:
    """Store how good pictures are without a network."""
    for method, run in (("bicubic", bicubic), ("linear", lambda picture: linear.upscale(picture.lr))):
        key = {"kind": "interpolation", "set": picture.set_name, "picture": picture.name, "method": method}
        plan.store.measure(key, lambda run=run: quality(run(picture), picture.hr))


def linear_upsampler(plan: Plan) -> LinearUpsampler:
    """Give the linear upsampler, learned from the flat areas of the training photos unless it is stored."""
    key = {"kind": "linear", "scale": SCALE, "training": plan.training, "most": plan.most_training}
    plan.store.measure(key, lambda: {"taps": _learn(plan).taps.tolist()})
    (record,) = (one for one in plan.store.records("linear") if key.items() <= one.items())
    return LinearUpsampler(SCALE, np.array(record["taps"], dtype=np.float32))


def _learn(plan: Plan) -> LinearUpsampler:
    fit = LinearFit(SCALE)
    for path in picture_paths(plan.data / plan.training)[: plan.most_training]:
        picture = Picture("training", path, None)
        fit.add(picture.lr, to_float(np.asarray(picture.hr)), ~compute_mask(picture.lr, FLAT_DILATION).pixels)
    return fit.solve()
