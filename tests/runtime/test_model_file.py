"""Metadata of model files, read without a session."""

from __future__ import annotations

from pathlib import Path

import hypothesis.strategies as st
import onnx
import onnxruntime as ort
import pytest
from hypothesis import given

from amsr_deploy.errors import ModelError
from amsr_deploy.metadata import Metadata
from amsr_deploy.model_file import read_metadata
from amsr_deploy.runtime.shipped import WEIGHTS

MODELS = sorted(path for path in WEIGHTS.glob("*.onnx") if "_bf16" not in path.name)
"""Those that a session loads without native kernels."""
SMALL = WEIGHTS / "fsrcnn_x4.onnx"


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.name)
def test_it_is_what_a_session_says(path: Path) -> None:
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    assert read_metadata(path) == Metadata.from_properties(session.get_modelmeta().custom_metadata_map)


def test_properties_of_other_versions_are_passed_over() -> None:
    metadata = read_metadata(SMALL)
    assert Metadata.from_properties({**metadata.to_properties(), "amsr.other": "[1]", "other": "{"}) == metadata


def test_models_of_others_are_refused(tmp_path: Path) -> None:
    model = onnx.load(SMALL)
    del model.metadata_props[:]
    onnx.save(model, tmp_path / "other.onnx")
    with pytest.raises(ModelError, match="not a model of amsr-deploy"):
        read_metadata(tmp_path / "other.onnx")
    with pytest.raises(ModelError, match=r"missing\.onnx does not exist"):
        read_metadata(tmp_path / "missing.onnx")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.safetensors", "a checkpoint; make a model of it with `amsr export --weights`"),
        ("a.PTH", "a checkpoint"),
        ("a.engine", "an engine; give the ONNX"),
        ("a.png", "a picture"),
        ("a.JPEG", "a picture"),
        ("a.txt", "damaged, or another kind of file"),
        ("a", "damaged, or another kind of file"),
        ("a.onnx", "damaged, or another kind of file"),
    ],
)
def test_files_of_another_kind_are_called_what_they_are(tmp_path: Path, name: str, kind: str) -> None:
    (tmp_path / name).write_text("something else")
    with pytest.raises(ModelError, match=f"{name} is not a model of amsr-deploy: it is {kind}"):
        read_metadata(tmp_path / name)
    (tmp_path / f"folder of {name}").mkdir()
    with pytest.raises(ModelError, match=f"{name} is not a model of amsr-deploy: it is a folder"):
        read_metadata(tmp_path / f"folder of {name}")


@given(content=st.binary(max_size=200), kept=st.integers(0, 3000))
def test_garbage_and_cut_files_are_refused(content: bytes, kept: int, scratch: Path) -> None:
    path = scratch / "garbage.onnx"
    for garbage in (content, SMALL.read_bytes()[:kept], SMALL.read_bytes()[:kept] + content):
        path.write_bytes(garbage)
        with pytest.raises(ModelError):
            read_metadata(path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("scale", "0"),
        ("scale", "1"),
        ("scale", "5"),
        ("scale", "1" + 18 * "0"),
        ("scale", "4.0"),
        ("dilation", "0"),
        ("dilation", "4"),
        ("window_size", "0"),
        ("window_size", "1000000"),
        ("halo", "1000000000"),
        ("bytes_per_pixel", "0"),
        ("threshold", "5.0"),
        ("threshold", "-1.0"),
        ("dilation", "true"),
        ("halo", "-1"),
        ("threshold", "1e999"),
        ("threshold", "NaN"),
        ("threshold", "1" + 400 * "0"),
        ("masked", "1"),
        ("body", '"rows"'),
        ("precision", "[]"),
        ("tools", '{"torch": 2}'),
        ("cost", '{"fixed": [], "body": 1}'),
        ("cost", '{"fixed": 0, "body": 0}'),
        ("cost", '{"fixed": -1, "body": 9}'),
        ("cost", '{"fixed": 1e308, "body": 1e308}'),
        ("cost", "7"),
        ("trained_for", "[]"),
        ("backbone", "[" * 100_000),
    ],
)
def test_metadata_that_cannot_be_is_refused(name: str, value: str) -> None:
    properties = onnx.load(SMALL).metadata_props
    with pytest.raises(ModelError, match="not a model of amsr-deploy"):
        Metadata.from_properties({**{entry.key: entry.value for entry in properties}, f"amsr.{name}": value})
