"""Precision on the CPU: bfloat16 where it is faster and there, and never another network."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnxruntime as ort
import pytest
from command_line import amsr
from conftest import osprey
from export_cases import Exports
from PIL import Image

import amsr_deploy
from amsr_deploy import native
from amsr_deploy.descriptor import Device, PrecisionChoice
from amsr_deploy.errors import BackendError, UserError
from amsr_deploy.runtime.backends import choose, precision
from amsr_deploy.runtime.backends.precision import bfloat16_form, choose_precision
from amsr_deploy.runtime.backends.providers import CPU, PROVIDERS

pytestmark = pytest.mark.skipif(native.library_path() is None, reason="the native operators are not built")


@pytest.fixture
def model(exports: Exports, tmp_path: Path) -> Path:
    """A float32 model beside its form in bfloat16."""
    source = exports("fsrcnn")
    shutil.copy(source, tmp_path / "mine.onnx")
    shutil.copy(exports("fsrcnn", precision="bfloat16"), tmp_path / "mine_bf16.onnx")
    return tmp_path / "mine.onnx"


@pytest.mark.parametrize("is_fast", [True, False])
def test_auto_is_what_the_processor_is_fast_in(model: Path, is_fast: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "is_fast_in_bfloat16", lambda: is_fast)
    with amsr_deploy.load(model, device="cpu") as upscaler:
        assert upscaler.metadata.precision == ("bfloat16" if is_fast else "float32")


@pytest.mark.parametrize("wanted", ["float32", "bfloat16"])
def test_a_wanted_precision_runs_whatever_is_fast(model: Path, wanted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "is_fast_in_bfloat16", lambda: wanted == "float32")
    image = np.random.default_rng(0).integers(0, 256, (17, 23, 3), dtype=np.uint8)
    with amsr_deploy.load(model, device="cpu", precision=wanted) as upscaler:
        assert upscaler.metadata.precision == wanted
        result = upscaler.upscale(image)
    with amsr_deploy.load(model, device="cpu", precision=None) as upscaler:
        assert np.abs(result.astype(int) - upscaler.upscale(image)).max() <= 8


@pytest.mark.parametrize(("options", "expected"), [((), "float32"), (("--precision", "bfloat16"), "bfloat16")])
def test_eval_measures_and_names_a_precision(
    model: Path, options: tuple[str, ...], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precision, "is_fast_in_bfloat16", lambda: True)
    osprey().crop((120, 30, 280, 158)).save(model.with_name("photo.png"))
    arguments = ("eval", "--model", model, "--data", model.parent, *options)
    (run,) = json.loads(amsr(*arguments, "--json", "-").stdout)["runs"]
    assert run["precision"] == expected
    assert expected in amsr(*arguments).stdout


def test_other_weights_are_no_form_of_a_model(model: Path, exports: Exports, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(exports("disp", precision="bfloat16"), model.with_name("mine_bf16.onnx"))
    monkeypatch.setattr(precision, "is_fast_in_bfloat16", lambda: True)
    assert bfloat16_form(model) is None
    assert choose_precision(model, "auto") == model
    model.with_name("mine_bf16.onnx").write_bytes(b"no model")
    assert choose_precision(model, "auto") == model


def test_a_precision_that_is_not_there_is_one_line(exports: Exports, tmp_path: Path) -> None:
    path, picture = exports("fsrcnn"), tmp_path / "a.png"
    Image.new("RGB", (12, 12), "red").save(picture)
    result = amsr("infer", picture, "--model", path, "--precision", "bfloat16")
    assert result.exit_code == 1
    assert "precision bfloat16 was asked for, but" in result.stderr
    assert "amsr export --backbone fsrcnn --scale 4 --for clean --bf16" in result.stderr
    assert not (tmp_path / "a_x4.png").exists()
    with pytest.raises(BackendError, match="computes in bfloat16"):
        choose_precision(exports("fsrcnn", precision="bfloat16"), "float32")
    with pytest.raises(BackendError, match=r"computes in float32$"):  # no dense network is exported in bfloat16
        choose_precision(exports("fsrcnn", masked=False), "bfloat16")
    with pytest.raises(UserError, match="unknown `precision`"):
        choose_precision(path, "float8")  # type: ignore[arg-type]


@pytest.mark.parametrize("device", ["auto", "cuda"])
def test_bfloat16_is_for_the_cpu(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choose, "runs_on_cpu", lambda _: False)
    monkeypatch.setattr(choose, "OnnxRuntimeBackend", lambda *_: SimpleNamespace(device="cuda"))
    with pytest.raises(BackendError, match="bfloat16 is for the CPU, and device cuda is not"):
        choose.open_session(Path("mine.onnx"), device, None, "bfloat16")


@pytest.mark.filterwarnings("ignore:Specified provider")
@pytest.mark.parametrize("wanted", ["auto", "bfloat16", "float32"])
def test_so_is_auto_where_cuda_is_built_in_and_does_not_start(
    model: Path, wanted: PrecisionChoice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precision, "is_fast_in_bfloat16", lambda: True)
    monkeypatch.setattr(ort, "get_available_providers", lambda: [PROVIDERS["cuda"].name, CPU])
    monkeypatch.setattr(ort, "preload_dlls", lambda: None)
    session = choose.open_session(model, "auto", None, wanted)
    assert (session.device, session.metadata.precision) == ("cpu", "float32" if wanted == "float32" else "bfloat16")
