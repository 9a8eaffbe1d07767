"""The documents tell how to install what there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from conftest import ROOT

tomllib = pytest.importorskip("tomllib", reason="Python 3.10 reads no TOML")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = set(PROJECT["optional-dependencies"])
DOCUMENTS = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "docker").iterdir()))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_install_lines_name_extras_that_exist(document: Path) -> None:
    named = re.findall(r"(?:\.|/source)\[([\w,-]+)\]", document.read_text())
    assert {extra for extras in named for extra in extras.split(",")} <= EXTRAS


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_no_command_takes_the_package_from_a_registry(document: Path) -> None:
    assert not re.findall(r'^ {4}.*pip install "?amsr-deploy.*$', document.read_text(), flags=re.MULTILINE)


def test_commands_have_quotes_that_all_shells_take_off() -> None:
    texts = [*DOCUMENTS, *(ROOT / "amsr_deploy").rglob("*.py")]
    assert not [path for path in texts if "pip install '" in path.read_text()]


def test_the_versions_that_ci_tries_are_the_lowest_that_the_package_takes() -> None:
    tried = re.findall(r"^\w.*$", (ROOT / "constraints-lowest.txt").read_text(), flags=re.MULTILINE)
    declared = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["onnx"]]
    assert tried == [requirement.replace(">=", "==") for requirement in declared]


def test_the_readme_lists_all_extras() -> None:
    table = (ROOT / "README.md").read_text().partition("| extra |")[2].partition("\n\n")[0]
    first_column = " ".join(re.findall(r"^\|(.*?)\|", table, flags=re.MULTILINE))
    assert set(re.findall(r"`([\w-]+)`", first_column)) == EXTRAS
