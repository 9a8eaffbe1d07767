"""Table 3: time of a picture, masked and dense, mask included, in seconds of processor time."""

from __future__ import annotations

from amsr_deploy.descriptor import BACKBONES, describe
from paper.fig6 import dilations
from paper.plan import Plan
from paper.published import MILLISECONDS
from paper.records import Record, Store, common, mean, values, where
from paper.scores import Setting
from paper.seconds import time_in_turns
from paper.table import Column, Table

SET_NAMES = ("2K", "4K", "8K")
PICTURES = {"2K": 2, "4K": 1, "8K": 1}
"""Pictures of each set that are timed."""
COLUMNS = (
    Column("set", "set"),
    Column("network", "network"),
    Column("instructions", "instructions"),
    Column("threads", "threads", "d"),
    Column("photos", "photos", "d"),
    Column("dense", "dense s", ".3f"),
    Column("masked", "masked s", ".3f"),
    Column("ratio", "ratio", ".3f"),
    Column("load", "load", ".1f"),
    Column("paper_ms", "the paper's ms, masked, on a GPU", "d"),
)


def measure(plan: Plan) -> None:
    """Time each network: dense and each dilation on 2K pictures, dense and its default mask on larger ones."""
    for name in filter(plan.has_set, SET_NAMES):
        for picture in plan.pictures(name, PICTURES[name]):
            for backbone in plan.backbones:
                chosen = dilations(plan, backbone) if name == "2K" else [describe(backbone).dilation]
                time_in_turns(plan, picture, [Setting(backbone, dilation) for dilation in (None, *chosen)])


def build(store: Store) -> Table:
    """Make a row for each set, network and set of instructions, over the pictures that all networks have."""
    records = store.records("seconds")
    rows = []
    for name in SET_NAMES:
        for instructions in values(records, "instructions"):
            timed = where(records, set=name, instructions=instructions)
            networks = [backbone for backbone in BACKBONES if backbone in values(timed, "model")]
            found = common(*(where(timed, model=backbone) for backbone in networks))
            rows += [row(of_network, name, backbone) for backbone, of_network in zip(networks, found, strict=True)]
    return Table("table3", COLUMNS, rows)


def row(records: list[Record], set_name: str, backbone: str) -> Record:
    """Average the times of a network."""
    default = where(records, dilation=describe(backbone).dilation)
    masked, dense = (mean(group, "seconds", "load") for group in common(default, where(records, dilation=None)))
    return {
        "set": set_name,
        "network": describe(backbone).title,
        "instructions": records[0]["instructions"],
        "threads": records[0]["threads"],
        "photos": len(default),
        "dense": dense["seconds"],
        "masked": masked["seconds"],
        "ratio": masked["seconds"] / dense["seconds"],
        "load": masked["load"],
        "paper_ms": MILLISECONDS.get(set_name, {}).get(backbone),
    }
