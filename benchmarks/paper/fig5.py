"""Fig. 5 and section 4.3: what damage that no network saw does to masks, cost and quality."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.random import Generator
from PIL import Image

from amsr_deploy.descriptor import Strategy, describe
from amsr_deploy.evaluation.degradations import degrade, gaussian_blur, gaussian_noise, jpeg, shot_noise
from amsr_deploy.image.arrays import to_float
from amsr_deploy.image.pairs import low_resolution
from paper.plan import SCALE, STRATEGIES, Picture, Plan
from paper.records import Record, Store, common, mean, values, where
from paper.scores import Setting, cost, quality
from paper.table import Column, Table

SET_NAME = "2K"
PICTURES = 6
BACKBONES = ("disp", "carn")
DILATION = 5
Damage = Callable[[Image.Image, Generator], Image.Image]


def reduced(picture: Image.Image, kernel: Image.Resampling) -> Image.Image:
    """Reduce a picture by a kernel."""
    return picture.resize((picture.width // SCALE, picture.height // SCALE), kernel)


DAMAGES: dict[str, Damage] = {
    "none": lambda picture, _: low_resolution(picture, SCALE),
    "noise 5": lambda picture, generator: gaussian_noise(low_resolution(picture, SCALE), 5, generator),
    "noise 15": lambda picture, generator: gaussian_noise(low_resolution(picture, SCALE), 15, generator),
    "sensor 10": lambda picture, generator: shot_noise(low_resolution(picture, SCALE), 10, generator),
    "JPEG 80": lambda picture, _: jpeg(low_resolution(picture, SCALE), 80),
    "JPEG 40": lambda picture, _: jpeg(low_resolution(picture, SCALE), 40),
    "blur 1.0": lambda picture, _: gaussian_blur(low_resolution(picture, SCALE), 1.0),
    "box": lambda picture, _: reduced(picture, Image.Resampling.BOX),
    "bilinear": lambda picture, _: reduced(picture, Image.Resampling.BILINEAR),
    "Lanczos": lambda picture, _: reduced(picture, Image.Resampling.LANCZOS),
    "random": lambda picture, generator: degrade(picture, SCALE, generator),
}
"""HR -> LR, by name. Standard deviations of noise are of 255, a sensor's at white, that of blur is in LR pixels;
`random` chooses some of all, and when to reduce."""
COLUMNS = (
    Column("network", "network"),
    Column("damage", "damage"),
    Column("photos", "photos", "d"),
    Column("dense", "PSNR-Y dense", ".2f"),
    *(
        Column(f"{strategy}_{name}", title.format(strategy), form)
        for strategy in STRATEGIES
        for name, title, form in (
            ("density", "{} density", ".3f"),
            ("cost_share", "share", ".3f"),
            ("psnr_y", "PSNR-Y", ".2f"),
            ("ssim", "SSIM", ".4f"),
        )
    ),
)


def measure(plan: Plan) -> None:
    """Score networks on damaged pictures with each strategy and dense."""
    for picture in plan.pictures(SET_NAME, PICTURES):
        for damage in DAMAGES:
            for backbone in (one for one in BACKBONES if one in plan.backbones):
                for strategy in (*STRATEGIES, None):
                    score_damaged(plan, picture, damage, setting(backbone, strategy))


def setting(backbone: str, strategy: Strategy | None) -> Setting:
    """Set up a network with a strategy; None is dense."""
    return Setting(backbone, None) if strategy is None else Setting(backbone, DILATION, strategy)


def damaged(picture: Picture, damage: str) -> Image.Image:
    """Make the LR picture with a damage, always the same."""
    return DAMAGES[damage](picture.hr, np.random.default_rng(zlib.crc32(f"{picture.name} {damage}".encode())))


def score_damaged(plan: Plan, picture: Picture, damage: str, chosen: Setting) -> None:
    """Store a network's scores on a damaged picture."""
    key = {"kind": "damaged", "set": picture.set_name, "picture": picture.name, "damage": damage, **chosen.key}
    plan.store.measure(key, partial(_scores, plan, picture, damage, chosen))


def _scores(plan: Plan, picture: Picture, damage: str, chosen: Setting) -> Record:
    upscaler = chosen.quick_upscaler(plan.threads)
    upscaling = upscaler.prepare(to_float(np.asarray(damaged(picture, damage))))
    return quality(upscaling.run(np.dtype(np.float32)), picture.hr) | cost(upscaler, upscaling)


def build(store: Store) -> Table:
    """Make a row for each network and damage, over the pictures that have all of them; no strategy is dense."""
    rows: list[Record] = []
    for backbone in BACKBONES:
        records = where(store.records("damaged"), model=backbone)
        names = [(damage, strategy) for damage in values(records, "damage") for strategy in (None, *STRATEGIES)]
        cases = (where(records, damage=damage, strategy=strategy) for damage, strategy in names)
        groups = dict(zip(names, common(*cases), strict=True))
        for damage in values(records, "damage"):
            dense, *masked = (groups[damage, strategy] for strategy in (None, *STRATEGIES))
            if dense:
                row = {"network": describe(backbone).title, "damage": damage, "photos": len(dense)}
                rows.append(row | {"dense": mean(dense, "psnr_y")["psnr_y"]} | strategy_figures(masked))
    return Table("fig5", COLUMNS, rows)


def strategy_figures(groups: list[list[Record]]) -> Record:
    """Average the figures of each strategy."""
    return {
        f"{strategy}_{name}": value
        for strategy, group in zip(STRATEGIES, groups, strict=True)
        for name, value in mean(group, "density", "cost_share", "psnr_y", "ssim").items()
    }
