"""What `amsr infer` says where weights for photos would be better."""

from __future__ import annotations

from pathlib import Path

import pytest
from batch_cases import draw
from command_line import amsr
from conftest import osprey

ADVICE = "amsr: JPEGs of quality 80 or less come out better with --for photo"

pytestmark = pytest.mark.usefixtures("here")


def save(quality: int, name: str = "a.jpg") -> str:
    osprey().resize((48, 32)).save(name, quality=quality)
    return name


@pytest.mark.parametrize("scale", [2, 4])
def test_it_is_said_once_for_all_damaged_jpegs(scale: int) -> None:
    pictures = [save(80), save(50, "b.jpg"), save(20, "c.jpg")]
    result = amsr("infer", *pictures, "--scale", scale)
    assert result.exit_code == 0, result.output
    assert result.stderr.splitlines().count(ADVICE) == 1


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(["--for", "photo"], id="taken"),
        pytest.param(["--for", "clean"], id="declined"),
        pytest.param(["--backbone", "fsrcnn"], id="no such weights"),
        pytest.param(["-q"], id="quiet"),
    ],
)
def test_it_is_not_said_where_it_is_of_no_use(options: list[str]) -> None:
    assert ADVICE not in amsr("infer", save(60), *options).stderr


def test_good_jpegs_and_other_files_need_none(here: Path) -> None:
    draw(here / "b.png")
    assert ADVICE not in amsr("infer", save(90), "b.png").stderr


def test_nor_do_models_of_your_own(repeat_model: Path) -> None:
    assert ADVICE not in amsr("infer", save(60), "--model", repeat_model).stderr
