"""Quality against seconds: each network at each dilation and dense."""

from __future__ import annotations

from amsr_deploy.descriptor import BACKBONES, describe
from paper.plan import DILATIONS
from paper.records import Record, Store, common, mean, values, where
from paper.table import Column, Table

SET_NAME = "2K"
COLUMNS = (
    Column("network", "network"),
    Column("instructions", "instructions"),
    Column("dilation", "dilation"),
    Column("photos", "photos", "d"),
    Column("seconds", "seconds", ".3f"),
    Column("psnr_y", "PSNR-Y", ".2f"),
    Column("ssim", "SSIM", ".4f"),
)


def build(store: Store) -> Table:
    """Make a row for each network and dilation, over the pictures that were timed and scored."""
    times, scores = (where(store.records(kind), set=SET_NAME) for kind in ("seconds", "scores"))
    rows: list[Record] = []
    for backbone in BACKBONES:
        for instructions in values(times, "instructions"):
            for dilation in (*DILATIONS, None):
                timed = where(times, model=backbone, instructions=instructions, dilation=dilation)
                scored = where(scores, model=backbone, dilation=dilation, threshold=None)
                if dilation is not None:
                    scored = where(scored, strategy="kmeans")
                timed, scored = common(timed, scored)
                if timed:
                    label = "dense" if dilation is None else str(dilation)
                    names = {"network": describe(backbone).title, "instructions": instructions, "dilation": label}
                    rows.append(
                        names | {"photos": len(timed)} | mean(timed, "seconds") | mean(scored, "psnr_y", "ssim")
                    )
    return Table("speed", COLUMNS, rows)
