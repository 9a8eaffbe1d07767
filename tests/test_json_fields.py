"""Values from JSON are compared with the types of fields, and no type passes without being known."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_type_hints

import pytest

from amsr_deploy.json_fields import fits
from amsr_deploy.metadata import Cost, Metadata
from amsr_deploy.runtime.backends.tensorrt.sidecar import Sidecar
from amsr_deploy.training.config import Config


@pytest.mark.parametrize("kind", [Config, Cost, Metadata, Sidecar])
def test_all_fields_have_types_that_are_known_and_none_takes_everything(kind: type[Any]) -> None:
    for hint in get_type_hints(kind).values():
        assert not any(fits(value, hint) for value in (object(), [object()]))


def test_a_type_that_is_not_known_is_an_error() -> None:
    for kind in (Path, list[int], tuple[Path, ...], Path | None):
        with pytest.raises(NotImplementedError, match="cannot be compared"):
            fits([1], kind)
