"""What was measured on which pictures, and the processor time that it took."""

from __future__ import annotations

from paper.records import Record, Store, values, where
from paper.table import Column, Table

KINDS = {
    "linear": "linear upsampler, learned",
    "scores": "quality and cost",
    "scope": "something else outside the mask",
    "interpolation": "no network",
    "damaged": "damaged pictures",
    "seconds": "times",
}
NAMED = 12
"""Pictures that are named one by one."""
COLUMNS = (
    Column("measured", "measured"),
    Column("set", "set"),
    Column("count", "measurements", "d"),
    Column("cpu_minutes", "minutes of processor time", ".1f"),
    Column("pictures", "pictures"),
)


def build(store: Store) -> Table:
    """Make a row for each kind of measurement and set, and their sum."""
    rows: list[Record] = []
    for kind, title in KINDS.items():
        records = store.records(kind)
        for set_name in values(records, "set"):
            found = where(records, set=set_name)
            rows.append({"measured": title, "set": set_name, **effort(found), "pictures": pictures(found)})
    total = {name: sum(row[name] for row in rows) for name in ("count", "cpu_minutes")}
    return Table("runs", COLUMNS, [*rows, {"measured": "all", **total}] if rows else [])


def effort(records: list[Record]) -> Record:
    """Count measurements, and sum up their processor time."""
    return {"count": len(records), "cpu_minutes": sum(record["cpu"] for record in records) / 60}


def pictures(records: list[Record]) -> str:
    """List the names of the pictures, or the first and the last."""
    names = sorted({record["picture"] for record in records if "picture" in record})
    return ", ".join(names) if len(names) <= NAMED else f"{names[0]} to {names[-1]}"
