"""Fig. 6: dilation against quality and cost. The same runs tell what is lost outside the masks (`scope`)."""

from __future__ import annotations

from amsr_deploy.descriptor import BACKBONES, describe
from paper.plan import DILATIONS, Plan
from paper.records import Record, Store, common, mean, values, where
from paper.scores import Setting, linear_upsampler, score, score_interpolation, score_scope
from paper.table import Column, Table

SET_NAMES = ("2K", "large2k", "b100")
FIGURES = ("density", "cost_share", "psnr_y", "psnr_rgb", "ssim")
COLUMNS = (
    Column("set", "set"),
    Column("network", "network"),
    Column("dilation", "dilation"),
    Column("photos", "photos", "d"),
    Column("density", "density", ".3f"),
    Column("cost_share", "share of dense MACs", ".3f"),
    Column("gmacs", "10^9 MACs", ".1f"),
    Column("psnr_y", "PSNR-Y", ".2f"),
    Column("psnr_rgb", "PSNR-RGB", ".2f"),
    Column("ssim", "SSIM", ".4f"),
    Column("loss", "loss against dense", ".3f"),
)


def measure(plan: Plan) -> None:
    """Score each network at each dilation and dense, its picture with something else outside, and no network."""
    linear = linear_upsampler(plan)
    for name in filter(plan.has_set, SET_NAMES):
        for picture in plan.pictures(name):
            score_interpolation(plan, picture, linear)
            for backbone in plan.backbones:
                score(plan, picture, Setting(backbone, None))
                for dilation in dilations(plan, backbone):
                    score_scope(plan, picture, Setting(backbone, dilation), linear)


def dilations(plan: Plan, backbone: str) -> list[int]:
    """List the dilations of a plan and the network's own."""
    return sorted({*plan.dilations, describe(backbone).dilation})


def sweeps(records: list[Record], set_name: str) -> dict[str, dict[int | None, list[Record]]]:
    """Find the records of each network at each dilation, None for dense, over the pictures that have all of them."""
    groups: dict[tuple[str, int | None], list[Record]] = {}
    for backbone in BACKBONES:
        of_model = where(records, set=set_name, model=backbone, threshold=None)
        masked = where(of_model, strategy="kmeans")
        if 1 in values(masked, "dilation"):
            groups |= {(backbone, dilation): where(masked, dilation=dilation) for dilation in swept(masked)}
            groups[backbone, None] = where(of_model, dilation=None)
    result: dict[str, dict[int | None, list[Record]]] = {}
    for (backbone, dilation), found in zip(groups, common(*groups.values()), strict=True):
        if found:
            result.setdefault(backbone, {})[dilation] = found
    return result


def swept(records: list[Record]) -> list[int]:
    """List the dilations of Fig. 6 that were measured."""
    return [dilation for dilation in DILATIONS if dilation in values(records, "dilation")]


def build(store: Store) -> Table:
    """Make a row for each set, network and dilation."""
    rows = []
    for name in SET_NAMES:
        for backbone, groups in sweeps(store.records("scores"), name).items():
            dense = mean(groups[None], "psnr_y")["psnr_y"]
            for dilation, found in groups.items():
                means = mean(found, *FIGURES, "gmacs")
                label = "dense" if dilation is None else str(dilation)
                of_row = {"set": name, "network": describe(backbone).title, "dilation": label, "photos": len(found)}
                rows.append(of_row | means | {"loss": dense - means["psnr_y"]})
    return Table("fig6", COLUMNS, rows)
