"""docs/results.md, from a template in which each measured figure is named by its table, row and column.

`{{ table2 set=2K }}` is a table, or its rows of some values; `{{ table2 set=2K network=CARN | cost_share | .3f }}` is a
value. `_` in a value stands for a blank.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from textwrap import fill

from amsr_deploy.files import replacing
from paper.table import Table

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "docs" / "results.md"
RESULTS = ROOT / "docs" / "results"
TEMPLATE = Path(__file__).with_name("results.md.in")
WORDS = {"break_long_words": False, "break_on_hyphens": False}
PLACE = re.compile(r"\{\{ (.+?) \}\}", re.DOTALL)


def write_page(folder: Path = RESULTS, page: Path = PAGE) -> None:
    """Write the page from the tables of a folder."""
    with replacing(page) as temporary:
        temporary.write_text(render(TEMPLATE.read_text(encoding="utf-8"), read_tables(folder)), encoding="utf-8")


def read_tables(folder: Path) -> dict[str, Table]:
    """Read the tables of a folder by name."""
    tables = (Table.from_json(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json")))
    return {table.name: table for table in tables}


def render(template: str, tables: Mapping[str, Table]) -> str:
    """Fill a template with the figures of the tables, and wrap its paragraphs.

    Raises:
        KeyError: a table, row or column that is not there.
    """
    filled = PLACE.sub(lambda place: figure(place[1], tables), template)
    return "\n\n".join(wrapped(block) for block in filled.rstrip("\n").split("\n\n")) + "\n"


def wrapped(block: str) -> str:
    """Wrap a paragraph or the items of a list; tables, headings, pictures and code stay as they are."""
    if block.startswith(("|", "#", "![", "    ")):
        return block
    items = re.split(r"\n(?=- )", block)
    return "\n".join(
        fill(" ".join(item.split()), 120, subsequent_indent="  " * item.startswith("- "), **WORDS) for item in items
    )


def figure(place: str, tables: Mapping[str, Table]) -> str:
    """Write the text of a place."""
    parts = [part.strip() for part in place.split("|")]
    if len(parts) == 1:
        return selected(tables[parts[0].split()[0]], parts[0]).markdown()
    where, column, form = parts
    return format(tables[where.split()[0]].row(**pairs(where))[column], form)


def selected(table: Table, conditions: str) -> Table:
    """Choose rows by values, without the columns that are the same then or empty."""
    wanted = pairs(conditions)
    rows = [row for row in table.rows if all(str(row.get(name)) == value for name, value in wanted.items())]
    columns = [
        column
        for column in table.columns
        if column.name not in wanted and any(row.get(column.name) is not None for row in rows)
    ]
    return Table(table.name, columns, rows)


def pairs(text: str) -> dict[str, str]:
    """Read `table name=value name=value` as a mapping; `_` in a value stands for a blank."""
    return {name: value.replace("_", " ") for name, _, value in (word.partition("=") for word in text.split()[1:])}
