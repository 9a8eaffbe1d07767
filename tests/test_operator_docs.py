"""docs/operators.md names the operators, inputs and attributes that there are."""

from __future__ import annotations

import re
from pathlib import Path

import onnx
import pytest

from amsr_deploy.export.functions import FUNCTIONS

PAGE = (Path(__file__).parent.parent / "docs" / "operators.md").read_text()
TYPES = {onnx.AttributeProto.INT: "int", onnx.AttributeProto.FLOAT: "float"}


def sections() -> dict[str, str]:
    """Operator -> the text below its heading."""
    parts = re.split(r"^### (.*)$", PAGE, flags=re.MULTILINE)[1:]
    return {name: text for names, text in zip(parts[::2], parts[1::2], strict=True) for name in names.split(", ")}


def rows_of(text: str, heading: str) -> list[list[str]]:
    """The cells of a section's table whose first column is headed so."""
    _, found, table = text.partition(f"| {heading} |")
    lines = table.split("\n\n")[0].splitlines()[2:] if found else []
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def names_of(text: str, heading: str) -> list[str]:
    return [name for first, *_ in rows_of(text, heading) for name in re.findall(r"`(\w+)`", first)]


def test_every_operator_is_described_and_no_other() -> None:
    assert sections().keys() == FUNCTIONS.keys()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_inputs_are_those_of_the_operator(name: str) -> None:
    described = names_of(sections()[name], "input")
    expected = list(FUNCTIONS[name].to_function_proto().input)
    assert [entry for entry in described if entry in expected] == expected
    assert set(described) - set(expected) <= {"residual", "rows3", "rows4"}, "only these are said to be of some forms"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_attributes_are_those_of_the_operator(name: str) -> None:
    rows = {cells[0].strip("`| "): cells for cells in rows_of(sections()[name], "attribute")}
    expected = {attribute.name: attribute for attribute in FUNCTIONS[name].to_function_proto().attribute_proto}
    assert rows.keys() - expected.keys() <= {"negative_slope"}, "only this is said to be of some forms"
    for attribute in expected.values():
        _, kind, default, _ = rows[attribute.name]
        assert kind == TYPES[attribute.type]
        assert float(default) == pytest.approx(onnx.helper.get_attribute_value(attribute))
