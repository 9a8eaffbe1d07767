"""Table 3: time of a picture, masked and dense, mask included, in seconds of processor time."""

from __future__ import annotations

from amsr_deploy.descriptor import describe
from paper.fig6 import dilations
from paper.plan import Plan
from paper.published import MILLISECONDS
from paper.records import Record, Store, mean, where
from paper.scores import Setting
from paper.seconds import machines, time_in_turns
from paper.table import Column, Table
from paper.table2 import pairs

SET_NAMES = ("2K", "4K", "8K")
PICTURES = {"2K": 2, "4K": 1, "8K": 1}
"""Pictures of each set that are timed."""
COLUMNS = (
    Column("set", "set"),
    Column("network", "network"),
    Column("processor", "processor"),
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
    """Make a row for each set, machine and network, over the pictures that all networks have."""
    records = store.records("seconds")
    rows = []
    for name in SET_NAMES:
        for machine in machines(records):
            found = pairs(where(records, set=name, **machine))
            rows += [{"set": name, **machine, **row(name, *of_network)} for of_network in found]
    return Table("table3", COLUMNS, rows)


def row(set_name: str, backbone: str, masked: list[Record], dense: list[Record]) -> Record:
    """Average the times of a network."""
    means, of_dense = mean(masked, "seconds", "load"), mean(dense, "seconds")["seconds"]
    return {
        "network": describe(backbone).title,
        "photos": len(masked),
        "dense": of_dense,
        "masked": means["seconds"],
        "ratio": means["seconds"] / of_dense,
        "load": means["load"],
        "paper_ms": MILLISECONDS.get(set_name, {}).get(backbone),
    }
