"""docs/results.md, from a template in which each measured figure is named by its table, row and column.

`{{ table2 }}` is a table; `{{ table2 set=2K network=CARN | cost_share | .3f }}` a value; with `+` or `-` between two such
values, their sum or difference.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from paper.table import Table

from amsr_deploy.files import replacing

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "docs" / "results.md"
TEMPLATE = Path(__file__).with_name("results.md.in")
PLACE = re.compile(r"\{\{ (.+?) \}\}", re.DOTALL)


def write_page(tables: Mapping[str, Table]) -> None:
    """Write the page."""
    with replacing(PAGE) as temporary:
        temporary.write_text(render(TEMPLATE.read_text(encoding="utf-8"), tables), encoding="utf-8")


def render(template: str, tables: Mapping[str, Table]) -> str:
    """A template with the figures of the tables.

    Raises:
        KeyError: a table, row or column that is not there.
    """
    return PLACE.sub(lambda place: figure(place[1], tables), template)


def figure(place: str, tables: Mapping[str, Table]) -> str:
    """The text of a place."""
    parts = [part.strip() for part in place.split("|")]
    if len(parts) == 1:
        name, *conditions = parts[0].split()
        return selected(tables[name], conditions).markdown()
    where, column, form = parts
    return format(tables[where.split()[0]].row(**pairs(where))[column], form)


def selected(table: Table, conditions: list[str]) -> Table:
    """A table with the rows that have some values."""
    wanted = pairs(" ".join(["", *conditions]))
    rows = [row for row in table.rows if all(str(row.get(name)) == value for name, value in wanted.items())]
    return Table(table.name, table.columns, rows)


def pairs(text: str) -> dict[str, str]:
    """`table name=value name=value` as a mapping; `_` in a value stands for a blank."""
    return {name: value.replace("_", " ") for name, _, value in (word.partition("=") for word in text.split()[1:])}
