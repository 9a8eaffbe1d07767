"""Options whose values are read by the library."""

from __future__ import annotations

import click
import pytest
from command_line import amsr
from hypothesis import given
from hypothesis import strategies as st

from amsr_deploy.commands.types import DILATIONS, MASKS, REDUCTIONS, SIZE
from amsr_deploy.engine.shapes import format_size


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (SIZE, "270x480", (270, 480)),
        (DILATIONS, "5", (5,)),
        (DILATIONS, "1, 11,3", (1, 11, 3)),
        (REDUCTIONS, "1,0.75", (1.0, 0.75)),
        (MASKS, "dense:0.1,21:0.15,5", "dense:0.1,21:0.15,5"),
    ],
)
def test_texts_are_read_once(kind: click.ParamType, text: str, value: object) -> None:
    assert kind.convert(text, None, None) == value
    assert kind.convert(value, None, None) == value


@given(st.tuples(st.integers(1, 300), st.integers(1, 300)))
def test_sizes_are_read_as_they_are_written(size: tuple[int, int]) -> None:
    assert SIZE.convert(format_size(size), None, None) == size


@pytest.mark.parametrize(
    "text", ["", "270", "270x", "x480", "270x480x3", "-1x4", "1.5x2", "270 x 480", "270X480", "²x1"]
)
def test_other_texts_are_no_sizes(text: str) -> None:
    with pytest.raises(click.BadParameter, match="HEIGHTxWIDTH"):
        SIZE.convert(text, None, None)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["build-engine", "--min-shape", "9"], "'--min-shape': '9' is not HEIGHTxWIDTH"),
        (["build-engine", "--max-shape", ""], "'--max-shape': '' is not HEIGHTxWIDTH"),
        (["eval", "--data", ".", "--dilation", "1;3"], "'--dilation': '1;3' is not a list of whole numbers"),
        (["eval", "--data", ".", "--dilation", ""], "'--dilation': '' is not a list of whole numbers"),
        (["eval", "--data", ".", "--dilation", "1,3,1"], "'--dilation': '1,3,1' names a dilation twice"),
        (["eval", "--data", ".", "--dilation", "3,4"], "'--dilation': dilation 4"),
        (["train", "--out", "run", "--reductions", "1;2"], "'--reductions': '1;2' is not a list of numbers"),
        (["train", "--out", "run", "--masks", "5,"], "'--masks': mask schedule '5,' cannot be read"),
        (["train", "--out", "run", "--masks", "dense:1.5,5"], "'--masks': mask schedule 'dense:1.5,5' has a stage"),
    ],
)
def test_errors_name_the_option_and_the_value(arguments: list[str], message: str) -> None:
    result = amsr(*arguments)
    assert result.exit_code == 2
    assert message in result.output
