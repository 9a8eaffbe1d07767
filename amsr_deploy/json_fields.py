"""Values that come from JSON, compared with the fields of the dataclass that they are for."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints


def check_types(kind: type[Any], values: Mapping[str, Any]) -> None:
    """Compare values with the types of a dataclass's fields; those that are missing or unknown are not looked at.

    Raises:
        TypeError: a value of another type, a negative whole number, or an endless one.
    """
    for name, hint in get_type_hints(kind).items():
        if name in values and not fits(values[name], hint):
            raise TypeError(f"{name} is {values[name]!r:.60}")


def known_values(kind: type[Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Choose the values that a dataclass has fields for; other versions of the package write others, too."""
    return {each.name: values[each.name] for each in fields(kind) if each.name in values}


def fits(value: Any, kind: Any) -> bool:
    """Tell whether a value is one of a type; JSON has lists for tuples, and objects for dataclasses.

    Raises:
        NotImplementedError: a type that this function does not know.
    """
    origin, parts = get_origin(kind), get_args(kind)
    if kind in _PLAIN:
        return _PLAIN[kind](value)
    if is_dataclass(kind):
        hints = get_type_hints(kind).items()
        return isinstance(value, dict) and all(fits(value[name], hint) for name, hint in hints if name in value)
    if origin is Literal:
        return value in parts
    if origin in (Union, UnionType):
        return any(fits(value, part) for part in parts)
    if origin is dict:
        return isinstance(value, dict) and all(fits(each, parts[1]) for each in value.values())
    if origin is tuple:
        if not isinstance(value, list | tuple):
            return False
        wanted = parts[:1] * len(value) if parts[-1] is ... else parts
        return len(value) == len(wanted) and all(map(fits, value, wanted))
    raise NotImplementedError(f"values of type {kind} cannot be compared with JSON")


_PLAIN: Mapping[Any, Callable[[Any], bool]] = {
    NoneType: lambda value: value is None,
    str: lambda value: isinstance(value, str),
    bool: lambda value: isinstance(value, bool),
    int: lambda value: type(value) is int and value >= 0,
    float: lambda value: type(value) in (int, float) and abs(value) <= sys.float_info.max,
}
"""Whether a value is one of a plain type."""
