"""docs/results.md says what the files beside it say, and those what was measured."""

from __future__ import annotations

import pytest
import reproduce
from paper.page import PAGE, RESULTS, TEMPLATE, read_tables, render
from paper.table import Column, Table

TABLES = {
    "speeds": Table(
        "speeds",
        (Column("set", "set"), Column("name", "network"), Column("seconds", "s", ".2f"), Column("none", "empty", "d")),
        ({"set": "2K", "name": "a b", "seconds": 0.125}, {"set": "4K", "name": "c", "seconds": 2.0}),
    )
}


def test_the_page_has_the_figures_of_the_files() -> None:
    assert PAGE.read_text(encoding="utf-8") == render(TEMPLATE.read_text(encoding="utf-8"), read_tables(RESULTS))


@pytest.mark.parametrize("name", sorted(path.stem for path in RESULTS.glob("*.json")))
def test_the_files_follow_from_the_measurements(name: str) -> None:
    assert reproduce.build(RESULTS)[name].to_json() == (RESULTS / f"{name}.json").read_text(encoding="utf-8")


def test_all_pictures_of_the_page_are_there() -> None:
    shown = [line.partition("](")[2].rstrip(")") for line in PAGE.read_text().splitlines() if line.startswith("![")]
    assert shown
    assert all((PAGE.parent / path).is_file() for path in shown)


def test_places_are_tables_rows_and_values() -> None:
    assert render("{{ speeds name=a_b | seconds | .3f }} s", TABLES) == "0.125 s\n"
    assert render("{{ speeds set=4K }}", TABLES) == "| network | s |\n| --- | ---: |\n| c | 2.00 |\n"
    assert render("{{ speeds }}", TABLES).splitlines()[2:] == ["| 2K | a b | 0.12 |", "| 4K | c | 2.00 |"]
    with pytest.raises(KeyError, match="0 rows"):
        render("{{ speeds name=d | seconds | .3f }}", TABLES)
    with pytest.raises(KeyError, match="other"):
        render("{{ other }}", TABLES)


def test_paragraphs_are_wrapped_and_tables_are_not() -> None:
    words, table = "word " * 60, "| cell " * 60 + "|"
    text = render(f"{words}\n\n- {words}\n- short\n\n{table}\n", TABLES)
    paragraph, items, cells = text.rstrip("\n").split("\n\n")
    assert max(map(len, paragraph.splitlines() + items.splitlines())) <= 120
    assert [line[:2] for line in items.splitlines()] == ["- ", "  ", "  ", "- "]
    assert cells == table


def test_tables_are_read_back() -> None:
    assert Table.from_json(TABLES["speeds"].to_json()).markdown() == TABLES["speeds"].markdown()
