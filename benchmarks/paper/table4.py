"""Table 4: three ways to find the mask's threshold, with the same dilation and at like cost."""

from __future__ import annotations

from collections.abc import Iterator

from amsr_deploy.descriptor import Strategy, describe
from amsr_deploy.mask import compute_mask
from paper.plan import STRATEGIES, Plan
from paper.records import Record, Store, common, mean, values, where
from paper.scores import Setting, score
from paper.table import Column, Table

SET_NAME = "2K"
BACKBONES = ("disp", "carn")
DILATION = 3
"""The paper's."""
CANDIDATES = tuple(range(1, 64, 2))
"""Dilations among which one of like cost is looked for."""
COLUMNS = (
    Column("network", "network"),
    Column("strategy", "threshold"),
    Column("compared", "compared"),
    Column("dilation", "dilation", "d"),
    Column("photos", "photos", "d"),
    Column("density", "density", ".3f"),
    Column("lowest", "lowest", ".3f"),
    Column("highest", "highest", ".3f"),
    Column("cost_share", "share of dense MACs", ".3f"),
    Column("psnr_y", "PSNR-Y", ".2f"),
    Column("psnr_rgb", "PSNR-RGB", ".2f"),
    Column("ssim", "SSIM", ".4f"),
    Column("loss", "loss against dense", ".3f"),
)
SAME, LIKE_KMEANS, LIKE_MEDIAN = "same dilation", "cost of k-means", "cost of the median"


def measure(plan: Plan) -> None:
    """Score the strategies at one dilation, then at those whose densities are alike."""
    settings = cases(plan)
    for case in settings:
        remember(plan, *case)
    for picture in plan.pictures(SET_NAME):
        for backbone in (one for one in BACKBONES if one in plan.backbones):
            score(plan, picture, Setting(backbone, None))
            for strategy, dilation, _ in settings:
                score(plan, picture, Setting(backbone, dilation, strategy))


def cases(plan: Plan) -> list[tuple[Strategy, int, str]]:
    """List strategy, dilation and what it is compared for; those of like cost follow from the masks alone."""
    found: dict[Strategy, dict[int, list[float]]] = {
        strategy: {dilation: [] for dilation in CANDIDATES} for strategy in STRATEGIES
    }
    for picture in plan.pictures(SET_NAME):
        for strategy, densities in found.items():
            for dilation, list_of in densities.items():
                list_of.append(compute_mask(picture.lr, dilation, strategy).density)
    means = {
        strategy: {dilation: sum(list_of) / len(list_of) for dilation, list_of in densities.items()}
        for strategy, densities in found.items()
    }

    def nearest(strategy: Strategy, target: float) -> int:
        return min(CANDIDATES, key=lambda dilation: abs(means[strategy][dilation] - target))

    like_kmeans = nearest("fixed", means["kmeans"][DILATION])
    like_median = nearest("kmeans", means["median"][DILATION])
    same: list[tuple[Strategy, int, str]] = [(strategy, DILATION, SAME) for strategy in STRATEGIES]
    return [*same, ("fixed", like_kmeans, LIKE_KMEANS), ("kmeans", like_median, LIKE_MEDIAN)]


def remember(plan: Plan, strategy: Strategy, dilation: int, compared: str) -> None:
    """Store which dilation was chosen for a comparison, in place of one that was chosen on other pictures."""
    plan.store.put({"kind": "table4", "strategy": strategy, "compared": compared}, {"dilation": dilation}, cpu=0)


def build(store: Store) -> Table:
    """Make a row for each network and strategy, and for those of like cost."""
    records, cases = where(store.records("scores"), set=SET_NAME), store.records("table4")
    measured = [backbone for backbone in BACKBONES if backbone in values(records, "model")]
    rows = [row for backbone in measured for row in rows_of(backbone, where(records, model=backbone), cases)]
    return Table("table4", COLUMNS, rows)


def rows_of(backbone: str, records: list[Record], cases: list[Record]) -> Iterator[Record]:
    """Average each case over the pictures that all of them were measured on, if there are any."""
    groups = (where(records, strategy=case["strategy"], dilation=case["dilation"]) for case in cases)
    dense, *masked = common(where(records, dilation=None), *groups)
    if not dense:
        return
    for case, group in zip(cases, masked, strict=True):
        found = mean(group, "density", "cost_share", "psnr_y", "psnr_rgb", "ssim")
        densities = [record["density"] for record in group]
        yield {
            "network": describe(backbone).title,
            "strategy": case["strategy"],
            "compared": case["compared"],
            "dilation": case["dilation"],
            "photos": len(group),
            "lowest": min(densities),
            "highest": max(densities),
            "loss": mean(dense, "psnr_y")["psnr_y"] - found["psnr_y"],
            **found,
        }
