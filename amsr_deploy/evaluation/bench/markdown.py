"""Plain tables for a terminal and for Markdown files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from amsr_deploy.files import replacing


@dataclass(frozen=True)
class Table:
    """Rows of cells under a heading; the first column is text, the others are figures."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    def plain(self) -> str:
        """Write the table aligned by blanks."""
        lines = [self.columns, *self.rows]
        widths = [max(len(line[column]) for line in lines) for column in range(len(self.columns))]
        return "\n".join(
            "  ".join(
                cell.rjust(width) if column else cell.ljust(width)
                for column, (cell, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in lines
        )

    def markdown(self) -> str:
        """Write the table in GitHub's Markdown."""
        rule = ["---", *["---:"] * (len(self.columns) - 1)]
        return "\n".join(f"| {' | '.join(line)} |" for line in [self.columns, rule, *self.rows])


@dataclass(frozen=True)
class Section:
    """What a benchmark has to say on one thing.

    Attributes:
        key: its name in Markdown files.
        title: what the table is about.
        table: the figures; None where sentences say it all.
        notes: sentences below it.
    """

    key: str
    title: str
    table: Table | None = None
    notes: list[str] = field(default_factory=list)

    def plain(self) -> str:
        """Write the section for a terminal."""
        return "\n".join([self.title, *([self.table.plain()] if self.table else []), *self.notes])

    def markdown(self) -> str:
        """Write the section for a Markdown file, between the marks by which `write_sections` finds it again."""
        table = [self.table.markdown()] if self.table else []
        return "\n\n".join([_begin(self.key), f"*{self.title}*", *table, *self.notes, _end(self.key)])


def write_sections(path: Path, sections: Sequence[Section]) -> None:
    """Put sections into a Markdown file: in place of those of the same key, or at its end. All else stays."""
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    for section in sections:
        place = re.compile(f"{re.escape(_begin(section.key))}.*?{re.escape(_end(section.key))}", re.DOTALL)
        content = section.markdown()
        if place.search(text):
            text = place.sub(content.replace("\\", r"\\"), text)
        else:
            text = "\n\n".join(part for part in (text.rstrip("\n"), content) if part) + "\n"
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _begin(key: str) -> str:
    return f"<!-- amsr bench: {key} -->"


def _end(key: str) -> str:
    return f"<!-- end of {key} -->"
