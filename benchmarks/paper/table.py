"""A table of figures: as JSON, which pages and plots are made from, as CSV and as Markdown."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from amsr_deploy.files import replacing


@dataclass(frozen=True)
class Column:
    """A column: the name of its value in a row, its title, how its figures are written."""

    name: str
    title: str
    format: str = ""

    def cell(self, row: dict[str, Any]) -> str:
        """Write a row's value as text; empty where it has none."""
        value = row.get(self.name)
        return "" if value is None else format(value, self.format)


@dataclass(frozen=True)
class Table:
    """Rows of values under columns."""

    name: str
    columns: Sequence[Column]
    rows: Sequence[dict[str, Any]]

    def write(self, folder: Path) -> None:
        """Write NAME.json, NAME.csv and NAME.md."""
        folder.mkdir(parents=True, exist_ok=True)
        for suffix, text in ((".json", self.to_json()), (".csv", None), (".md", self.markdown() + "\n")):
            with replacing(folder / f"{self.name}{suffix}") as temporary:
                if text is None:
                    self._write_csv(temporary)
                else:
                    temporary.write_text(text, encoding="utf-8")

    def to_json(self) -> str:
        """Write all there is as JSON."""
        return json.dumps(asdict(self), indent=1, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Table:
        """Read what `to_json` wrote."""
        content = json.loads(text)
        return cls(**(content | {"columns": [Column(**column) for column in content["columns"]]}))

    def markdown(self) -> str:
        """Write a table of GitHub's Markdown; columns with a format are figures."""
        lines = [[column.title for column in self.columns]]
        lines += [["---:" if column.format else "---" for column in self.columns]]
        lines += [[column.cell(row) for column in self.columns] for row in self.rows]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)

    def row(self, **conditions: str) -> dict[str, Any]:
        """Find the only row whose values, as text, are the given ones.

        Raises:
            KeyError: none or several.
        """
        found = [row for row in self.rows if all(str(row.get(name)) == value for name, value in conditions.items())]
        if len(found) != 1:
            raise KeyError(f"{self.name} has {len(found)} rows of {conditions}")
        return found[0]

    def _write_csv(self, path: Path) -> None:
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(column.name for column in self.columns)
            writer.writerows([row.get(column.name) for column in self.columns] for row in self.rows)
