"""`--json`: a line for each picture, in a file that replaces no picture."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from batch_cases import Command, draw, names
from command_line import amsr, errors


def test_json_lines(here: Path, command: Command) -> None:
    arguments, ending = command
    draw(here / "a.png")
    (here / "b.png").write_text("no picture")
    for where in ("-", "log.json"):
        result = amsr(*arguments, "a.png", "b.png", "--json", where, "--overwrite")
        text = result.stdout if where == "-" else (here / where).read_text()
        entries = {entry["input"]: entry for entry in map(json.loads, text.splitlines())}
        assert entries["a.png"]["output"] == f"a{ending}"
        assert "b.png" in entries["b.png"]["error"]
    assert amsr(*arguments, "--json", "a.png", "--overwrite").exit_code == 0  # no value: standard output
    assert amsr(*arguments, "a.png", "--json", "--overwrite").exit_code == 0


@pytest.mark.parametrize("name", ["report.txt", "report.jsonl", "folder/report.CSV", "/none/report.log"])
def test_a_report_of_another_name_is_no_picture(here: Path, command: Command, name: str) -> None:
    arguments, _ = command
    draw(here / "a.png")
    for given in (["a.png", "--json", name], ["--json", name, "a.png"]):
        result = amsr(*arguments, *given)
        assert result.exit_code == 2
        assert errors(result) == [f"amsr: error: {name} does not end in .json; give another name"]
        assert result.stdout == ""
    assert names(here) == ["a.png"]


@pytest.mark.parametrize("name", ["b.png", "b.dat", "folder.v1", "*.dat", "b.d?t", "[b].png"])
def test_what_follows_json_may_be_a_picture(here: Path, command: Command, name: str) -> None:
    arguments, _ = command
    (here / "folder.v1").mkdir()
    for path in ("b.png", "folder.v1/b.png"):
        draw(here / path)
    draw(here / "c.png").rename(here / "b.dat")
    assert amsr(*arguments, "--json", name, "-o", "out/").exit_code == 0


@pytest.mark.skipif(sys.platform == "win32", reason="links and pipes with names")
def test_links_and_pipes_stay_what_they_are(here: Path, command: Command) -> None:
    arguments, ending = command
    draw(here / "a.png")
    (here / "link.json").symlink_to("report.json")
    assert amsr(*arguments, "a.png", "--json", "link.json").exit_code == 0
    assert (here / "link.json").is_symlink()
    assert json.loads((here / "report.json").read_text())["output"] == f"a{ending}"
    for name in ("pipe.png", "pipe.json"):
        os.mkfifo(here / name)
    for given in (["-o", "pipe.png"], ["--json", "pipe.json"]):
        (line,) = errors(amsr(*arguments, "a.png", "--overwrite", *given))
        assert "is a pipe" in line
    assert (here / "pipe.png").is_fifo()
    assert (here / "pipe.json").is_fifo()


def test_a_report_replaces_no_input(here: Path, command: Command) -> None:
    arguments, _ = command
    picture = draw(here / "a.png").rename(here / "pic.json")
    names_of_pictures = here / "list.json"
    names_of_pictures.write_text("pic.json\n")
    before = picture.read_bytes()
    for given in (["pic.json", "--json", "pic.json"], ["--files-from", "list.json", "--json", "./list.json"]):
        result = amsr(*arguments, *given, "-o", "out/")
        assert result.exit_code == 2
        assert "is an input" in errors(result)[0]
    assert picture.read_bytes() == before
    assert names_of_pictures.read_text() == "pic.json\n"
    assert not (here / "out").exists()


@pytest.mark.skipif(os.name == "nt", reason="permissions")
def test_reports_are_written_anew_and_pictures_are_not(here: Path, command: Command) -> None:
    arguments, ending = command
    draw(here / "a.png")
    report, result = here / "report.json", here / f"a{ending}"
    for path in (report, result):
        path.write_text("old")
        path.chmod(0o640)
    assert amsr(*arguments, "a.png", "--json", "report.json").exit_code == 1
    assert "exists" in json.loads(report.read_text())["error"]
    assert result.read_text() == "old"
    assert amsr(*arguments, "a.png", "--json", "report.json", "--overwrite").exit_code == 0
    assert json.loads(report.read_text())["output"] == result.name
    assert {path.stat().st_mode & 0o777 for path in (report, result)} == {0o640}
