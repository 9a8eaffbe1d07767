"""Which model of a folder runs where none is named."""

from __future__ import annotations

import json
import os
from pathlib import Path
from unittest.mock import Mock

import pytest
from scale_cases import scale_metadata, write_model

from amsr_deploy.errors import BackendError
from amsr_deploy.runtime.backends.tensorrt import backend, registry
from amsr_deploy.runtime.backends.tensorrt.sidecar import Sidecar
from amsr_deploy.runtime.newest import newest_export, newest_model


def age(path: Path, seconds: int) -> Path:
    os.utime(path, (1_000_000 - seconds, 1_000_000 - seconds))
    return path


def write_engine(path: Path, weights: str, masked: bool = True, plugins: str | None = None) -> Path:
    """An engine and its sidecar, as far as one looks at them before it is loaded."""
    path.write_bytes(b"engine")
    shape = ((1, 3, 8, 8),) * 3
    Sidecar(
        scale_metadata(4, masked, weights=weights),
        "model.onnx", "tensorrt", "10.7", "Linux x86_64", None, (8, 0), {"image": shape}, plugins, "",
        "amsr build-engine model.onnx",
    ).write(path.with_suffix(".json"))  # fmt: skip
    return path


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that all engines fit, on which none is loaded only to find that out."""
    for name in ("find_gpu", "load_edition", "check_machine", "check_file", "open_cuda"):
        monkeypatch.setattr(backend, name, Mock())
    monkeypatch.setattr(backend, "load_engine", Mock(side_effect=AssertionError))


def test_nothing_is_found_in_an_empty_folder(tmp_path: Path) -> None:
    assert newest_model(tmp_path, "auto") is None
    (tmp_path / "foreign.onnx").write_text("no model")
    assert newest_model(tmp_path, "auto") is None


def test_the_newest_export_is_taken_and_the_others_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    age(write_model(tmp_path / "old.onnx", 2), 10)
    age(write_model(tmp_path / "twin_dense.onnx", 4, masked=False), 5)
    model = age(write_model(tmp_path / "new.onnx", 4), 1)
    (tmp_path / "garbled.onnx").write_text("no model")
    assert newest_model(tmp_path, "auto") == model
    reasons = " ".join(record.getMessage() for record in caplog.records)
    assert "garbled.onnx is newest here, but not used" in reasons
    assert "old.onnx: of other weights" in reasons
    assert "twin_dense.onnx" not in reasons


def test_an_engine_is_built_of_the_newest_export(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert newest_export(tmp_path) is None
    age(write_model(tmp_path / "old.onnx", 2), 10)
    model = age(write_model(tmp_path / "new.onnx", 4), 5)
    write_engine(tmp_path / "newer.engine", "other")
    (tmp_path / "garbled.onnx").write_text("no model")
    assert newest_export(tmp_path) == model
    assert [record.getMessage().partition(" is newest")[0] for record in caplog.records] == [
        str(tmp_path / "garbled.onnx")
    ]


@pytest.mark.usefixtures("gpu")
def test_an_engine_beside_its_export_is_left_to_the_backend(tmp_path: Path) -> None:
    model = age(write_model(tmp_path / "model.onnx", 4), 10)
    write_engine(tmp_path / "model.engine", "4")
    for device in ("auto", "cpu"):
        assert newest_model(tmp_path, device) == model  # type: ignore[arg-type]


@pytest.mark.usefixtures("gpu")
def test_an_engine_of_the_dense_network_is_not_run_by_the_masked_one(tmp_path: Path) -> None:
    age(write_model(tmp_path / "model.onnx", 4), 10)
    engine = write_engine(tmp_path / "model_dense.engine", "4", masked=False)
    assert newest_model(tmp_path, "auto") == engine


@pytest.mark.usefixtures("gpu")
def test_an_engine_of_other_weights_is_taken_where_it_runs(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    model = age(write_model(tmp_path / "model.onnx", 4), 10)
    engine = write_engine(tmp_path / "other.engine", "abc")
    assert newest_model(tmp_path, "auto") == engine
    assert "model.onnx: of other weights" in caplog.text
    assert newest_model(tmp_path, "cpu") == model
    assert "other.engine is not used: it is an engine, and the device is cpu" in caplog.text
    age(engine, 20)
    assert newest_model(tmp_path, "auto") == model


@pytest.mark.usefixtures("gpu")
def test_an_engine_with_native_code_is_not_taken_because_it_lies_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    engine = write_engine(tmp_path / "other.engine", "abc", plugins="1")
    assert newest_model(tmp_path, "auto") is None
    assert "other.engine is not used: it brings native code; if you trust it, give it as `model`" in caplog.text
    monkeypatch.setattr(registry, "cache_folder", lambda: tmp_path)
    assert newest_model(tmp_path, "auto") == engine


def test_an_engine_that_does_not_run_is_passed_over_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(backend, "find_gpu", Mock(side_effect=BackendError("no GPU here")))
    model = age(write_model(tmp_path / "model.onnx", 4), 10)
    write_engine(tmp_path / "other.engine", "abc")
    assert newest_model(tmp_path, "auto") == model
    assert "other.engine is not used: no GPU here" in caplog.text


def test_an_engine_without_its_sidecar_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_engine(tmp_path / "a.engine", "abc")
    (tmp_path / "a.json").write_text(json.dumps({}))
    assert newest_model(tmp_path, "auto") is None
    assert "a.engine is newest here, but not used" in caplog.text
