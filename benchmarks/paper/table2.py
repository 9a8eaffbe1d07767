"""Table 2: quality and cost of each network, dense and with its default mask."""

from __future__ import annotations

from collections.abc import Iterator

from amsr_deploy.descriptor import BACKBONES, describe
from amsr_deploy.model_file import read_metadata
from amsr_deploy.runtime.shipped import shipped_model
from paper.plan import Plan
from paper.published import SHARES
from paper.records import Record, Store, common, mean, where
from paper.scores import Setting, score
from paper.table import Column, Table

SET_NAMES = ("2K", "4K", "8K")
COLUMNS = (
    Column("set", "set"),
    Column("network", "network"),
    Column("photos", "photos", "d"),
    Column("dense_psnr_y", "PSNR-Y dense", ".2f"),
    Column("psnr_y", "masked", ".2f"),
    Column("dense_psnr_rgb", "PSNR-RGB dense", ".2f"),
    Column("psnr_rgb", "masked", ".2f"),
    Column("dense_ssim", "SSIM dense", ".4f"),
    Column("ssim", "masked", ".4f"),
    Column("dense_gmacs", "10^9 MACs dense", ".1f"),
    Column("gmacs", "masked", ".1f"),
    Column("density", "density", ".3f"),
    Column("cost_share", "share of dense MACs", ".3f"),
    Column("paper_share", "the paper's share", ".3f"),
    Column("paper_density", "density that it means", ".3f"),
)
FIGURES = ("psnr_y", "psnr_rgb", "ssim", "gmacs")


def measure(plan: Plan) -> None:
    """Score each network with its default mask and without."""
    for name in filter(plan.has_set, SET_NAMES):
        for picture in plan.pictures(name):
            for backbone in plan.backbones:
                for dilation in (describe(backbone).dilation, None):
                    score(plan, picture, Setting(backbone, dilation))


def build(store: Store) -> Table:
    """Make a row for each set and network, over the pictures that all networks have."""
    rows = []
    for name in SET_NAMES:
        for backbone, masked, dense in pairs(where(store.records("scores"), set=name, threshold=None)):
            rows.append(
                {"set": name, "network": describe(backbone).title, "photos": len(masked)}
                | {f"dense_{figure}": value for figure, value in mean(dense, *FIGURES).items()}
                | mean(masked, *FIGURES, "density", "cost_share")
                | published(name, backbone)
            )
    return Table("table2", COLUMNS, rows)


def pairs(records: list[Record]) -> Iterator[tuple[str, list[Record], list[Record]]]:
    """Find the records of each network with its default mask, and dense, over the pictures that all networks have."""
    found = {}
    for backbone in BACKBONES:
        of_model = where(records, model=backbone)
        masked = where(of_model, dilation=describe(backbone).dilation, strategy="kmeans")
        if masked:
            found[backbone] = (masked, where(of_model, dilation=None))
    shared = common(*(group for pair in found.values() for group in pair))
    for backbone, masked, dense in zip(found, shared, shared, strict=True):
        if masked:
            yield backbone, masked, dense


def published(set_name: str, backbone: str) -> dict[str, float | None]:
    """Give the paper's share, and the density at which our count of MACs has it."""
    share = SHARES[set_name].get(backbone)
    if share is None:
        return {"paper_share": None, "paper_density": None}
    cost = read_metadata(shipped_model(backbone)).cost
    return {"paper_share": share, "paper_density": 1 - (1 - share) * cost.dense / cost.body}
