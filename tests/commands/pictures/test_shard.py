"""`amsr infer --shard`: all parts together are the whole."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from click.testing import Result
from command_line import amsr
from conftest import assert_same_pictures
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from scale_cases import write_model

from amsr_deploy.commands.pictures.inputs import Input
from amsr_deploy.commands.pictures.shard import Shard

NAMES = st.lists(st.text("ab01é", min_size=1, max_size=3), max_size=30)
PICTURES = st.builds(
    lambda folders, names, suffixes: [
        Input(Path("in", folder, name + suffix), Path(folder))
        for folder in folders
        for name in names
        for suffix in suffixes
    ],
    st.lists(st.sampled_from(["", "a", "a/b", "b10"]), unique=True, max_size=3),
    NAMES.map(lambda names: list(dict.fromkeys(names))),
    st.lists(st.sampled_from([".png", ".jpg"]), unique=True, max_size=2),
)


@given(PICTURES, st.integers(1, 9), st.randoms(use_true_random=False))
def test_all_parts_together_are_the_whole(pictures: list[Input], count: int, order: random.Random) -> None:
    parts = [Shard(number, count).pick(pictures) for number in range(1, count + 1)]
    assert sorted(str(picture) for part in parts for picture in part) == sorted(map(str, pictures))
    places = [{(picture.folder, picture.path.stem) for picture in part} for part in parts]
    assert sum(map(len, places)) == len(set().union(*places)), "results of one name are in one part"
    order.shuffle(pictures)
    assert [Shard(number, count).pick(pictures) for number in range(1, count + 1)] == parts


@given(st.integers(0, 100), st.integers(1, 12))
def test_parts_are_of_one_size_and_natural_order(total: int, count: int) -> None:
    pictures = [Input(Path(f"photo{number}.png")) for number in range(total)]
    parts = [Shard(number, count).pick(pictures) for number in range(1, count + 1)]
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    assert parts[0] == pictures[::count]


def infer(*arguments: object) -> Result:
    return amsr("infer", *arguments)


@pytest.fixture
def here(here: Path) -> Path:
    """The current folder, with `in`, which holds five pictures, and a model that repeats pixels."""
    (here / "in").mkdir()
    for number in range(5):
        Image.new("RGB", (12, 8), (50 * number, 90, 60)).save(here / "in" / f"photo{number}.png")
    write_model(here / "repeat.onnx", 4)
    return here


def test_parts_write_what_one_machine_writes(here: Path) -> None:
    options = ["--model", "repeat.onnx", "--json", "report.json", "-o"]
    assert infer("in", *options, "whole").exit_code == 0
    for number in range(1, 8):
        result = infer("in", "--shard", f"{number}/7", *options, "parts")
        assert result.exit_code == 0, result.stderr
        assert ("shard 6/7 is empty" in result.stderr) == (number == 6)
    entries = [
        json.loads(line)["input"]
        for number in range(1, 8)
        for line in (here / f"report.{number}-of-7.json").read_text().splitlines()
    ]
    assert entries == [f"in/photo{number}.png" for number in range(5)]
    assert_same_pictures(here / "parts", here / "whole")
    assert len(list((here / "parts").iterdir())) == 5


def test_no_part_replaces_an_input_of_another(here: Path) -> None:
    Image.new("RGB", (12, 8)).save(here / "in" / "photo0_b.png")
    options = ["--suffix", "_b", "--overwrite", "--model", "repeat.onnx", "-o", "in"]
    results = [infer("in/*.png", "--shard", f"{number}/3", *options) for number in (1, 2, 3)]
    assert ["photo0_b.png is an input" in result.stderr for result in results].count(True) == 1
    assert Image.open(here / "in" / "photo0_b.png").size == (12, 8)


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    "value", ["", "0/8", "9/8", "1/0", "8", "1/", "/2", "a/b", "1/2/3", "-1/2", "1.5/2", "²/3", "1 / 2"]
)
def test_bad_parts_get_one_line(value: str) -> None:
    result = infer("in", "-o", "out", f"--shard={value}")
    assert result.exit_code == 2
    assert result.stderr.startswith(f"amsr: error: --shard {value} ")
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["in"], "--shard needs an --output folder"),
        (["in/photo0.png", "-o", "out"], "--shard is for several pictures"),
        (["-", "-o", "out"], "--shard cannot take a picture from standard input"),
    ],
)
def test_what_has_no_parts(arguments: list[str], message: str) -> None:
    result = infer(*arguments, "--shard", "1/2")
    assert result.exit_code == 2
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1
