"""Table 5: SwinIR's threshold, the share of masked pixels from which a window is kept."""

from __future__ import annotations

from amsr_deploy.descriptor import describe
from paper.plan import Plan
from paper.records import Store, common, mean, where
from paper.scores import Setting, score
from paper.table import Column, Table

SET_NAME = "2K"
BACKBONE = "swinir"
THRESHOLDS = (1.0, 0.7, 0.5, 0.3, 0.0)
PICTURES = 6
COLUMNS = (
    Column("threshold", "threshold", ".1f"),
    Column("photos", "photos", "d"),
    Column("density", "kept windows", ".3f"),
    Column("cost_share", "share of dense MACs", ".3f"),
    Column("psnr_y", "PSNR-Y", ".3f"),
    Column("psnr_rgb", "PSNR-RGB", ".3f"),
    Column("ssim", "SSIM", ".5f"),
)


def measure(plan: Plan) -> None:
    """Score SwinIR at each threshold."""
    for picture in plan.pictures(SET_NAME, PICTURES):
        for threshold in THRESHOLDS:
            score(plan, picture, setting(threshold))


def setting(threshold: float) -> Setting:
    """Set up SwinIR at a threshold; its own one is written as no threshold."""
    own = describe(BACKBONE)
    return Setting(BACKBONE, own.dilation, threshold=None if threshold == own.threshold else threshold)


def build(store: Store) -> Table:
    """Make a row for each threshold."""
    records = where(store.records("scores"), set=SET_NAME, model=BACKBONE, strategy="kmeans")
    of_threshold = [
        where(records, dilation=describe(BACKBONE).dilation, threshold=setting(threshold).threshold)
        for threshold in THRESHOLDS
    ]
    figures = ("density", "cost_share", "psnr_y", "psnr_rgb", "ssim")
    rows = [
        {"threshold": threshold, "photos": len(found), **mean(found, *figures)}
        for threshold, found in zip(THRESHOLDS, common(*of_threshold), strict=True)
        if found
    ]
    return Table("table5", COLUMNS, rows)
