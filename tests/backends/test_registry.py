"""Engines on disk: found, matched with models, checked against the machine, chosen or said not to fit."""

from __future__ import annotations

import dataclasses
import json
import os
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
from conftest import ROOT
from engine_cases import DATA, HERE, ORIN, make_sidecar, metadata_of, write_engine

from amsr_deploy.errors import BackendError, EngineError, UserError
from amsr_deploy.runtime.backends import choose
from amsr_deploy.runtime.backends.choose import open_backend
from amsr_deploy.runtime.backends.onnxruntime import OnnxRuntimeBackend
from amsr_deploy.runtime.backends.tensorrt import backend, cuda, registry
from amsr_deploy.runtime.backends.tensorrt.check import check_file, check_machine
from amsr_deploy.runtime.backends.tensorrt.edition import Edition, rtx_gpus
from amsr_deploy.runtime.backends.tensorrt.registry import engine_folders, find_engines
from amsr_deploy.runtime.backends.tensorrt.sidecar import read_sidecar, sidecar_path
from amsr_deploy.runtime.shipped import shipped_model

MODEL = shipped_model("fsrcnn")
METADATA = metadata_of(MODEL)
FOR_ORIN = {"edition": "tensorrt", "version": "10.3.0", "gpu": "Orin", "compute_capability": (8, 7)}


def edition(name: str = "tensorrt", version: str = "10.3.0", **names: Any) -> Edition:
    return Edition(name, SimpleNamespace(__version__=version, **names))  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No engines but those that a test writes."""
    here, cache = tmp_path / "here", tmp_path / "cache"
    here.mkdir()
    cache.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setattr(registry, "cache_folder", lambda: cache)
    return here


class TestSidecar:
    def test_survives_the_file(self, tmp_path: Path) -> None:
        sidecar = make_sidecar(METADATA, **FOR_ORIN, plugins="1")
        assert read_sidecar(write_engine(tmp_path / "a_1.2_x.engine", sidecar)) == sidecar
        assert sidecar.largest == (64, 96)

    def test_missing_engine(self) -> None:
        with pytest.raises(EngineError, match="amsr build-engine"):
            read_sidecar(Path("no.engine"))

    def test_missing_sidecar(self) -> None:
        Path("a.engine").write_bytes(DATA)
        with pytest.raises(EngineError, match=r"no a\.json beside it"):
            read_sidecar(Path("a.engine"))

    @pytest.mark.parametrize(
        "text", ["", "{}", "[]", "null", '{"profile": {}}', '{"profile": {"image": [[1]]}}', "\x00"]
    )
    def test_garbled_sidecar(self, text: str) -> None:
        engine = write_engine(Path("a.engine"), make_sidecar(METADATA))
        sidecar_path(engine).write_text(text)
        with pytest.raises(EngineError, match=r"a\.json is not what `amsr build-engine` wrote"):
            read_sidecar(engine)

    @pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(make_sidecar(METADATA))])
    def test_every_field_is_needed(self, field: str) -> None:
        engine = write_engine(Path("a.engine"), make_sidecar(METADATA))
        values = json.loads(sidecar_path(engine).read_text())
        del values[field]
        sidecar_path(engine).write_text(json.dumps(values))
        with pytest.raises(EngineError):
            read_sidecar(engine)


class TestCheck:
    def test_an_engine_of_this_machine_is_fine(self) -> None:
        check_machine(Path("a.engine"), make_sidecar(METADATA, **FOR_ORIN), ORIN, edition())

    @pytest.mark.parametrize(
        ("change", "expected", "found"),
        [
            ({"version": "10.7.0"}, "tensorrt 10.7.0", "tensorrt 10.3.0"),
            ({"compute_capability": (8, 9), "gpu": "L4"}, r"L4 \(sm_89\)", r"Orin \(sm_87\)"),
            ({"platform": "Windows AMD64"}, "Windows AMD64", HERE),
        ],
    )
    def test_another_machine_is_refused(self, change: dict[str, Any], expected: str, found: str) -> None:
        sidecar = make_sidecar(METADATA, **{**FOR_ORIN, **change})
        with pytest.raises(EngineError, match=f"expects {expected}, found {found}.*amsr build-engine fsrcnn_x4.onnx"):
            check_machine(Path("a.engine"), sidecar, ORIN, edition())

    def test_portable_engines_need_a_new_enough_gpu_that_the_edition_knows(self) -> None:
        known = SimpleNamespace(__members__=dict.fromkeys(("NONE", "SM75", "SM86", "SM120")))
        rtx = edition("tensorrt-rtx", "1.8", ComputeCapability=known)
        for capability in ((8, 6), (12, 0)):
            gpu = dataclasses.replace(ORIN, name="RTX", compute_capability=capability)
            check_machine(Path("a.engine"), make_sidecar(METADATA, platform="Windows AMD64"), gpu, rtx)
        for name, capability in (("T4", (7, 5)), ("Orin", (8, 7)), ("H100", (9, 0))):
            gpu = dataclasses.replace(ORIN, name=name, compute_capability=capability)
            with pytest.raises(
                EngineError, match=f"RTX GPU of sm_80 or newer that tensorrt-rtx 1.8 knows, found {name}"
            ):
                check_machine(Path("a.engine"), make_sidecar(METADATA), gpu, rtx)

    def test_the_documents_list_the_same_gpus(self) -> None:
        assert rtx_gpus() in (ROOT / "docs/deploy.md").read_text()

    def test_damaged_file(self) -> None:
        check_file(Path("a.engine"), make_sidecar(METADATA), DATA)
        with pytest.raises(EngineError, match="damaged"):
            check_file(Path("a.engine"), make_sidecar(METADATA), DATA[:-1])


class TestSearch:
    def test_engines_of_the_same_weights_are_found_by_folder_and_age(self, tmp_path: Path) -> None:
        sidecar = make_sidecar(METADATA)
        beside = write_engine(tmp_path / "beside.engine", sidecar)
        old, new = (write_engine(Path(name), sidecar) for name in ("old.engine", "new.engine"))
        os.utime(old, (1, 1))
        cached = write_engine(tmp_path / "cache" / "cached.engine", sidecar)
        other = dataclasses.replace(METADATA, weights_sha256="0" * 64)
        write_engine(Path("other.engine"), make_sidecar(other))
        write_engine(Path("dense.engine"), make_sidecar(dataclasses.replace(METADATA, masked=False)))
        Path("foreign.engine").write_bytes(DATA)
        found = find_engines(engine_folders(tmp_path / "fsrcnn.onnx"), "fsrcnn_x4.onnx", METADATA)
        assert found == [beside, new, old, cached]

    def test_precision_does_not_matter(self) -> None:
        engine = write_engine(Path("a.engine"), make_sidecar(dataclasses.replace(METADATA, precision="float16")))
        assert find_engines([Path()], "fsrcnn_x4.onnx", METADATA) == [engine]

    def test_engines_of_the_very_file_come_first(self) -> None:
        own = write_engine(Path("own.engine"), make_sidecar(METADATA))
        os.utime(own, (1, 1))
        other = write_engine(Path("other.engine"), make_sidecar(METADATA, source="fsrcnn_x4_bf16.onnx"))
        assert find_engines([Path()], "fsrcnn_x4.onnx", METADATA) == [own, other]
        assert find_engines([Path()], "fsrcnn_x4_bf16.onnx", METADATA) == [other, own]


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choose, "load_tensorrt", Mock(side_effect=BackendError("no GPU")))


class TestChoice:
    def test_auto_takes_an_engine_that_loads(self, monkeypatch: pytest.MonkeyPatch) -> None:
        write_engine(Path("a.engine"), make_sidecar(METADATA))
        loaded: Any = object()
        monkeypatch.setattr(choose, "load_tensorrt", lambda *_, **__: loaded)
        assert open_backend(MODEL, "auto") is loaded
        assert open_backend(MODEL, "tensorrt") is loaded

    @pytest.mark.usefixtures("no_gpu")
    def test_auto_goes_on_and_says_why(self, caplog: pytest.LogCaptureFixture) -> None:
        write_engine(Path("a.engine"), make_sidecar(METADATA))
        assert isinstance(open_backend(MODEL, "auto"), OnnxRuntimeBackend)
        assert "a.engine is not used: no GPU" in caplog.text
        with pytest.raises(EngineError, match=r"a\.engine is not used: no GPU"):
            open_backend(MODEL, "tensorrt")

    @pytest.mark.usefixtures("no_gpu")
    def test_one_reason_for_many_engines_is_said_once(self, caplog: pytest.LogCaptureFixture) -> None:
        for name in ("a.engine", "b.engine"):
            os.utime(write_engine(Path(name), make_sidecar(METADATA)), (1, 1))
        open_backend(MODEL, "auto")
        (message,) = caplog.messages
        assert re.match(r"\w\.engine, \w\.engine are not used: no GPU", message)

    def test_the_next_engine_is_tried(self, monkeypatch: pytest.MonkeyPatch) -> None:
        new, old = (write_engine(Path(name), make_sidecar(METADATA)) for name in ("new.engine", "old.engine"))
        os.utime(old, (1, 1))

        def load(path: Path, **_: bool) -> Any:
            if path == new:
                raise EngineError("built for another GPU")
            return path

        monkeypatch.setattr(choose, "load_tensorrt", load)
        assert open_backend(MODEL, "auto") == old

    @pytest.mark.parametrize(("place", "is_trusted"), [("here", False), ("cache", True), ("named", True)])
    def test_only_engines_that_are_named_or_in_the_cache_run_their_own_code(
        self, place: str, is_trusted: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setattr(registry, "cache_folder", lambda: tmp_path / "cache")
        monkeypatch.setattr(choose, "load_tensorrt", lambda _, own_code: own_code)
        folder = tmp_path / "cache" if place == "cache" else Path()
        folder.mkdir(exist_ok=True)
        engine = write_engine(folder / "a.engine", make_sidecar(METADATA, plugins="1"))
        assert open_backend(engine if place == "named" else MODEL, "tensorrt") is is_trusted  # type: ignore[comparison-overlap]

    def test_other_devices_take_no_engine(self) -> None:
        write_engine(Path("a.engine"), make_sidecar(METADATA))
        assert isinstance(open_backend(MODEL, "cpu"), OnnxRuntimeBackend)

    def test_without_engines(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert isinstance(open_backend(MODEL, "auto"), OnnxRuntimeBackend)
        monkeypatch.setattr(choose, "check_gpu", lambda: None)
        with pytest.raises(EngineError, match=r"no engine of fsrcnn_x4\.onnx in .*; run: amsr build-engine"):
            open_backend(MODEL, "tensorrt")

    def test_without_engines_what_they_need_is_said_first(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(choose, "find_gpu", lambda: ORIN)
        monkeypatch.setattr(cuda, "open_cuda", Mock(side_effect=BackendError("neither PyCUDA nor cuda-bindings")))
        with pytest.raises(BackendError, match="neither PyCUDA nor cuda-bindings"):
            open_backend(MODEL, "tensorrt")
        monkeypatch.setattr(choose, "find_gpu", Mock(side_effect=BackendError("no NVIDIA driver here")))
        with pytest.raises(BackendError, match="no NVIDIA driver here"):
            open_backend(MODEL, "tensorrt")
        assert isinstance(open_backend(MODEL, "auto"), OnnxRuntimeBackend)

    def test_a_named_engine(self, monkeypatch: pytest.MonkeyPatch) -> None:
        engine = write_engine(Path("a.engine"), make_sidecar(METADATA))
        with pytest.raises(UserError, match="runs on device tensorrt, not on cpu"):
            open_backend(engine, "cpu")
        monkeypatch.setattr(backend, "find_gpu", Mock(side_effect=BackendError("the NVIDIA driver finds no GPU")))
        with pytest.raises(BackendError, match="finds no GPU"):
            open_backend(engine, "auto")

    def test_a_damaged_engine_is_refused_before_tensorrt_sees_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        engine = write_engine(Path("a.engine"), make_sidecar(METADATA))
        engine.write_bytes(DATA[1:])
        monkeypatch.setattr(backend, "find_gpu", lambda: ORIN)
        monkeypatch.setattr(backend, "load_edition", lambda name: edition(name))
        with pytest.raises(EngineError, match="damaged"):
            open_backend(engine, "tensorrt")

    def test_unknown_device(self) -> None:
        with pytest.raises(UserError, match="unknown device 'gpu'"):
            open_backend(MODEL, "gpu")  # type: ignore[arg-type]
