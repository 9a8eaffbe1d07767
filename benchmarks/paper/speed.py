"""Quality against seconds: each network at each dilation and dense."""

from __future__ import annotations

from collections.abc import Iterator

from amsr_deploy.descriptor import BACKBONES, describe
from paper.plan import DILATIONS
from paper.records import Record, Store, common, mean, values, where
from paper.seconds import machines
from paper.table import Column, Table

SET_NAME = "2K"
COLUMNS = (
    Column("network", "network"),
    Column("processor", "processor"),
    Column("instructions", "instructions"),
    Column("threads", "threads", "d"),
    Column("dilation", "dilation"),
    Column("photos", "photos", "d"),
    Column("seconds", "seconds", ".3f"),
    Column("psnr_y", "PSNR-Y", ".2f"),
    Column("ssim", "SSIM", ".4f"),
)


def build(store: Store) -> Table:
    """Make a row for each machine, network and dilation, over the pictures timed and scored for all of them."""
    times, scores = (where(store.records(kind), set=SET_NAME, threshold=None) for kind in ("seconds", "scores"))
    rows: list[Record] = []
    for machine in machines(times):
        groups = list(cases(where(times, **machine), scores))
        shared = common(*(group for _, *pair in groups for group in pair))
        for ((backbone, dilation), *_), found, scored in zip(groups, shared, shared, strict=True):
            if found:
                label = "dense" if dilation is None else str(dilation)
                names = {"network": describe(backbone).title, **machine, "dilation": label, "photos": len(found)}
                rows.append(names | mean(found, "seconds") | mean(scored, "psnr_y", "ssim"))
    return Table("speed", COLUMNS, rows)


def cases(
    times: list[Record], scores: list[Record]
) -> Iterator[tuple[tuple[str, int | None], list[Record], list[Record]]]:
    """Find the times and scores of each network that was timed and each dilation; None is dense."""
    for backbone in (one for one in BACKBONES if one in values(times, "model")):
        for dilation in (*DILATIONS, None):
            strategy = None if dilation is None else "kmeans"
            case = {"model": backbone, "dilation": dilation, "strategy": strategy}
            if timed := where(times, **case):
                yield (backbone, dilation), timed, where(scores, **case)
