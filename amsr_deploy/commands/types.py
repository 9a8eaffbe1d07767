"""Types of options that click does not have. Their errors name the option and end with exit code 2."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import click

from amsr_deploy.errors import UserError


class Parsed(click.ParamType):  # type: ignore[type-arg, unused-ignore]
    """A text that a parser of the library reads."""

    def __init__(self, name: str, parse: Callable[[str], object]) -> None:
        """Take a parser.

        Args:
            name: of the type, as the help shows it.
            parse: raises UserError where the text cannot be read.
        """
        self.name = name
        self._parse = parse

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> object:
        """Read a text; a value that was read before stays."""
        if not isinstance(value, str):
            return value
        try:
            return self._parse(value)
        except UserError as error:
            self.fail(str(error), param, ctx)


class FileName(click.Path):
    """A name of a file or folder. An empty one, as an unset variable of a shell gives, is refused: it is no folder."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read a name; see `click.Path`."""
        if value == "":
            self.fail("an empty name is no file; is a variable of the shell unset?", param, ctx)
        return super().convert(value, param, ctx)


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d+)x(\d+)", text)
    if not match:
        raise UserError(f"{text!r} is not HEIGHTxWIDTH, such as 270x480")
    return int(match[1]), int(match[2])


def _dilations(text: str) -> tuple[int, ...]:
    from amsr_deploy.mask import check_dilation

    try:
        dilations = tuple(int(part) for part in text.split(","))
    except ValueError:
        raise UserError(f"{text!r} is not a list of whole numbers, such as 1,3,5") from None
    for dilation in dilations:
        check_dilation(dilation)
    if len(set(dilations)) < len(dilations):
        raise UserError(f"{text!r} names a dilation twice; give each once")
    return dilations


def _reductions(text: str) -> tuple[float, ...]:
    from amsr_deploy.training.config import parse_reductions

    return parse_reductions(text)


def _masks(text: str) -> str:
    from amsr_deploy.training.schedule import MaskSchedule

    MaskSchedule.parse(text)
    return text


SIZE = Parsed("HxW", _size)
"""Height and width."""
DILATIONS = Parsed("K,K,...", _dilations)
"""Different odd numbers."""
REDUCTIONS = Parsed("R,R,...", _reductions)
"""Factors above 0, at most 1."""
MASKS = Parsed("SCHEDULE", _masks)
"""A mask schedule, as its text."""
