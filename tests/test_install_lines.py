"""The documents tell how to install what there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from conftest import ROOT

tomllib = pytest.importorskip("tomllib", reason="Python 3.10 reads no TOML")
EXTRAS = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"])
DOCUMENTS = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "docker").iterdir()))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_install_lines_name_extras_that_exist(document: Path) -> None:
    named = re.findall(r"(?:\.|/source)\[([\w,-]+)\]", document.read_text())
    assert {extra for extras in named for extra in extras.split(",")} <= EXTRAS


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_no_command_takes_the_package_from_a_registry(document: Path) -> None:
    assert not re.findall(r"^ {4}.*pip install '?amsr-deploy.*$", document.read_text(), flags=re.MULTILINE)


def test_the_readme_lists_all_extras() -> None:
    table = (ROOT / "README.md").read_text().partition("| extra |")[2].partition("\n\n")[0]
    first_column = " ".join(re.findall(r"^\|(.*?)\|", table, flags=re.MULTILINE))
    assert set(re.findall(r"`([\w-]+)`", first_column)) == EXTRAS
