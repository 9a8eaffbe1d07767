"""`amsr build-engine`, with TensorRT for RTX, which needs no GPU to build."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import re
import shlex
import signal
import sys
import threading
import time
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest.mock import Mock

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from command_line import amsr, assert_refused
from engine_cases import ORIN
from fake_gpu import FakeCuda, FakeNetwork
from onnxruntime.capi import onnxruntime_pybind11_state
from rich.console import Console
from scale_cases import write_model

from amsr_deploy import models
from amsr_deploy.commands import build_engine
from amsr_deploy.descriptor import BACKBONES
from amsr_deploy.engine import build, tensorrt_api
from amsr_deploy.engine.half import to_half
from amsr_deploy.engine.shapes import make_profile, make_sizes
from amsr_deploy.engine.tensorrt_api import prepare_graph
from amsr_deploy.errors import BackendError, EngineError, UserError
from amsr_deploy.export.onnx import export_onnx
from amsr_deploy.model_file import read_metadata
from amsr_deploy.runtime.backends.gpu import Gpu
from amsr_deploy.runtime.backends.tensorrt.backend import Engine, TensorRtBackend
from amsr_deploy.runtime.backends.tensorrt.edition import Edition, choose_builder, load_edition, rtx_gpus
from amsr_deploy.runtime.backends.tensorrt.log import logger_of
from amsr_deploy.runtime.backends.tensorrt.plugins import Plugins, load_plugins
from amsr_deploy.runtime.backends.tensorrt.sidecar import Sidecar, read_sidecar
from amsr_deploy.runtime.shipped import shipped_model

pytest.importorskip("tensorrt_rtx_bindings", reason="TensorRT for RTX has no wheel for this platform")
MODEL = shipped_model("fsrcnn")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The engine of the shipped FSRCNN in float16, in a folder of its own."""
    folder = tmp_path_factory.mktemp("engine")
    previous = Path.cwd()
    os.chdir(folder)
    try:
        result = amsr("build-engine", MODEL, "--fp16", "--edition", "tensorrt-rtx", "--max-shape", "64x96")
    finally:
        os.chdir(previous)
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    (path,) = folder.glob("*.engine")
    assert path.name in result.stdout
    return path


def test_name_and_sidecar_tell_what_it_is(built: Path) -> None:
    version = load_edition("tensorrt-rtx").version
    short = ".".join(version.split(".")[:2])
    assert built.name == f"fsrcnn_x4_fp16_rtx-{short}_8x8-64x96.engine"
    assert sorted(path.name for path in built.parent.iterdir()) == [built.name, built.with_suffix(".json").name]
    sidecar = read_sidecar(built)
    assert (sidecar.edition, sidecar.version, sidecar.source) == ("tensorrt-rtx", version, "fsrcnn_x4.onnx")
    assert (sidecar.model.backbone, sidecar.model.precision, sidecar.plugins) == ("fsrcnn", "float16", None)
    assert sidecar.profile["image"] == ((1, 3, 8, 8), (1, 3, 64, 96), (1, 3, 64, 96))
    assert sidecar.sha256 == hashlib.sha256(built.read_bytes()).hexdigest()


def test_the_command_of_the_sidecar_builds_the_same(built: Path, here: Path) -> None:
    program, *arguments = shlex.split(read_sidecar(built).command)
    assert program == "amsr"
    assert amsr(*arguments).exit_code == 0
    again = dataclasses.replace(read_sidecar(here / built.name), sha256="")
    assert again == dataclasses.replace(read_sidecar(built), sha256="")


def test_inspect_reads_engines(built: Path, here: Path) -> None:
    result = amsr("inspect", built)
    assert result.exit_code == 0, result.output
    for part in ("1x3x64x96", "tensorrt-rtx", "as it was built", rtx_gpus(), "float16", "MACs per LR pixel"):
        assert part in result.stdout
    copy = here / built.name
    copy.write_bytes(built.read_bytes())
    assert_refused(amsr("inspect", copy), ".json beside it", code=1)


def test_an_engine_that_tensorrt_does_not_load_says_so(built: Path) -> None:
    sidecar = read_sidecar(built)
    with pytest.raises(EngineError, match=r"cannot load fsrcnn.*; build it again: amsr build-engine"):
        Engine(built, sidecar, load_edition("tensorrt-rtx"), ORIN, built.read_bytes()[:5000], captures_graphs=True)


@pytest.mark.slow
@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("name", BACKBONES)
def test_every_backbone_builds_without_a_warning(name: str, half: bool, here: Path) -> None:
    torch.manual_seed(0)
    export_onnx(models.create(name), Path(f"{name}_x4.onnx"))
    result = amsr(
        "build-engine", "--edition", "tensorrt-rtx", "--max-shape", "1080x1920", *(["--fp16"] if half else [])
    )
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    (path,) = here.glob("*.engine")
    assert read_sidecar(path).model.precision == ("float16" if half else "float32")


class TestModel:
    def test_a_model_of_another_scale(self, here: Path) -> None:
        Path("fsrcnn_x4.onnx").write_bytes(MODEL.read_bytes())
        os.utime("fsrcnn_x4.onnx", (1000, 1000))
        write_model(Path("carn_x2.onnx"), 2, masked=False)
        result = amsr("build-engine", "--edition", "tensorrt-rtx", "--max-shape", "64x96")
        assert result.exit_code == 0, result.output
        (built,) = here.glob("*.engine")
        assert built.name.startswith("carn_x2_fp32_rtx-")
        sidecar = read_sidecar(built)
        assert (sidecar.source, sidecar.model.scale) == ("carn_x2.onnx", 2)

    def test_not_a_model(self, here: Path) -> None:
        assert_refused(amsr("build-engine", "none.onnx"), "none.onnx does not exist", code=1)
        cut = onnx.load(MODEL)
        cut.graph.node[-1].input[0] = "missing"
        onnx.save(cut, "cut.onnx")
        assert_refused(amsr("build-engine", "cut.onnx"), "cut.onnx is no valid ONNX (", "missing", code=1)
        Path("garbled.onnx").write_text("no model")
        assert_refused(amsr("build-engine", "garbled.onnx"), "garbled.onnx is not a model of amsr-deploy", code=1)

    def test_timings_do_not_replace_the_model(self, here: Path) -> None:
        model = Path("model.onnx")
        model.write_bytes(MODEL.read_bytes())
        assert_refused(amsr("build-engine", model, "--timing-cache", model), "model.onnx is an input", code=2)
        assert model.read_bytes() == MODEL.read_bytes()

    def test_foreign_model(self, here: Path) -> None:
        model = onnx.load(MODEL)
        del model.metadata_props[:]
        onnx.save(model, "foreign.onnx")
        assert_refused(
            amsr("build-engine", "foreign.onnx"), "foreign.onnx", "not a model of amsr-deploy", "amsr export", code=1
        )

    @pytest.mark.parametrize(
        ("arguments", "part"),
        [
            (["--min-shape", "90x90", "--max-shape", "80x100"], "90x90 (min)"),
            (["--output", "engine.onnx"], "does not end in .engine"),
            (["--edition", "tensorrt-rtx", "--timing-cache", "timings"], "--timing-cache is for --edition tensorrt;"),
            (["--edition", "tensorrt-rtx", "--in-place"], "--in-place is for --edition tensorrt;"),
            (["--edition", "tensorrt-rtx", "--no-in-place"], "--in-place is for --edition tensorrt;"),
        ],
    )
    def test_bad_arguments(self, arguments: list[str], part: str, here: Path) -> None:
        assert_refused(amsr("build-engine", MODEL, *arguments), part, code=2)
        assert not list(here.iterdir())

    def test_nothing_else_is_replaced(self, built: Path, here: Path) -> None:
        build = ("build-engine", MODEL, "--fp16", "--edition", "tensorrt-rtx", "--max-shape", "64x96", "--output")
        Path("run.json").write_text("mine")
        assert_refused(amsr(*build, "run.engine"), "run.json", "belongs to no engine", code=1)
        Path("folder.engine").mkdir()
        assert_refused(amsr(*build, "folder.engine"), "folder.engine is a folder", code=1)
        assert Path("run.json").read_text() == "mine"
        model = dataclasses.replace(read_sidecar(built).model, weights_sha256="other")
        Path("a.engine").write_bytes(b"engine")
        dataclasses.replace(read_sidecar(built), model=model).write(Path("a.json"))
        for others in (True, False):
            result = amsr(*build, "a.engine")
            assert result.exit_code == 0, result.output
            assert ("a.engine is replaced; it held other weights" in result.stderr) == others

    def test_a_size_that_cannot_be_tiled_is_said(self, here: Path) -> None:
        result = amsr("build-engine", MODEL, "--edition", "tensorrt-rtx", "--max-shape", "10x100")
        assert result.exit_code == 0
        assert "tiles of 10x100 overlap almost entirely" in result.stderr
        assert "24x24 or more" in result.stderr


class TestGraph:
    def test_functions_become_standard_operators_with_names_of_their_own(self) -> None:
        model = onnx.load(MODEL)
        prepared = prepare_graph(model, None)
        assert not prepared.functions
        assert {node.domain for node in prepared.graph.node} == {""}
        names = [node.name for node in prepared.graph.node if node.name]
        assert len(names) == len(set(names))
        inputs = {
            "image": np.random.default_rng(0).random((1, 3, 9, 11), dtype=np.float32),
            "index": np.arange(0, 99, 3),
        }
        run = [onnxruntime.InferenceSession(m.SerializeToString()).run(None, inputs)[0] for m in (model, prepared)]
        np.testing.assert_allclose(run[0], run[1], atol=1e-5)

    def test_operators_with_plugins_stay(self) -> None:
        plugins = Plugins(Path("libamsr_tensorrt.so"), frozenset({"MaskGather", "MaskedConv2d"}), "1")
        prepared = prepare_graph(onnx.load(MODEL), plugins)
        assert not prepared.functions
        kept = [node for node in prepared.graph.node if node.domain == "amsr"]
        assert {node.op_type for node in kept} == {"MaskGather", "MaskedConv2d"}
        for node in kept:
            attributes = {attribute.name: attribute.s for attribute in node.attribute}
            assert (attributes["plugin_namespace"], attributes["plugin_version"]) == (b"amsr", b"1")

    @pytest.mark.parametrize("half", [False, True])
    def test_plugins_learn_the_size_from_the_picture(self, half: bool) -> None:
        """They would have to wait for the GPU to read two numbers."""
        model = onnx.load(MODEL)
        plugins = Plugins(Path("libamsr_tensorrt.so"), frozenset({"MaskNeighbors"}), "1")
        prepared = prepare_graph(to_half(model) if half else model, plugins)
        (neighbors,) = [node for node in prepared.graph.node if node.domain == "amsr"]
        assert list(neighbors.input) == ["index", "image"]

    def test_what_the_parser_does_not_know_is_named(self) -> None:
        model = onnx.load(MODEL)
        del model.functions[:]
        metadata = read_metadata(MODEL)
        profile = make_profile(metadata, make_sizes(None, None, (64, 64), metadata))
        with pytest.raises(EngineError, match=r"cannot parse the model: \w+ node .*Plugin not found.* more\)"):
            tensorrt_api.build(load_edition("tensorrt-rtx"), model, profile, None, None, Console(), in_place=False)


@pytest.mark.parametrize("in_place", [False, True])
def test_the_builder_is_told_how_engines_work(
    in_place: bool, library: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    edition, configs = load_edition("tensorrt-rtx"), []
    trt = edition.trt

    class WatchedBuilder(trt.Builder):  # type: ignore[misc, name-defined]
        def build_serialized_network(self, _: Any, config: Any) -> bytes:
            configs.append(config)
            return b"an engine"

    monkeypatch.setattr(trt, "Builder", WatchedBuilder)
    metadata, plugins = read_metadata(MODEL), Plugins(library, frozenset[str](), "1")
    profile = make_profile(metadata, make_sizes(None, None, (64, 64), metadata))
    graph, timings = prepare_graph(onnx.load(MODEL), None), here / "timings"
    built = tensorrt_api.build(edition, graph, profile, plugins, timings, Console(), in_place)
    assert built.engine == b"an engine"
    (config,) = configs
    assert config.get_preview_feature(trt.PreviewFeature.ALIASED_PLUGIN_IO_10_03) == in_place
    assert config.get_preview_feature(trt.PreviewFeature.RUNTIME_ACTIVATION_RESIZE_10_10)
    assert config.get_flag(trt.BuilderFlag.REQUIRE_USER_ALLOCATION)
    assert config.plugins_to_serialize == [str(library)]
    assert timings.stat().st_size > 0


class TestEdition:
    def test_without_a_gpu_rtx_is_chosen(self) -> None:
        assert choose_builder(has_gpu=False).name == "tensorrt-rtx"

    @pytest.mark.parametrize("gpu", [Gpu("H100", (9, 0), 80 << 30, (13, 0)), Gpu("T4", (7, 5), 16 << 30, (13, 0))])
    def test_a_gpu_that_engines_of_rtx_do_not_run_on_is_said(
        self, gpu: Gpu, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setattr(build, "find_gpu", lambda: gpu)
        _, built_for = build.choose_edition("tensorrt-rtx")
        assert built_for is None
        assert re.search(rf"tensorrt-rtx .* does not run on the {gpu.name} \({gpu.architecture}", caplog.text)
        assert load_edition("tensorrt-rtx").runs_on((8, 9))

    def test_tensorrt_needs_a_gpu(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(build, "load_edition", lambda name: Edition(name, SimpleNamespace(__version__="10.3.0")))  # type: ignore[arg-type]
        monkeypatch.setattr(build, "find_gpu", Mock(side_effect=BackendError("the NVIDIA driver finds no GPU")))
        assert_refused(
            amsr("build-engine", MODEL, "--edition", "tensorrt"),
            "finds no GPU",
            "set --edition to tensorrt-rtx",
            code=1,
        )

    def test_missing_and_old(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "tensorrt", None)
        with pytest.raises(BackendError, match="tensorrt is not installed"):
            load_edition("tensorrt")
        monkeypatch.setitem(sys.modules, "tensorrt", SimpleNamespace(__version__="8.6.1"))
        with pytest.raises(BackendError, match=r"tensorrt 8\.6\.1 is too old"):
            load_edition("tensorrt")

    def test_names_tell_the_gpu_where_it_matters(self) -> None:
        metadata = read_metadata(MODEL)
        full = Edition("tensorrt", SimpleNamespace(__version__="10.3.0.26"))  # type: ignore[arg-type]
        sizes = make_sizes(None, None, None, metadata)
        name = build.engine_name(Path("a/carn_x4_fp16.onnx"), metadata, full, ORIN, sizes)
        assert name == "carn_x4_fp32_trt-10.3_sm_87_8x8-1088x1920.engine"


class TestComparison:
    """Builds where there is a GPU, which is made of main memory."""

    RTX = Gpu("RTX 4090", (8, 9), 24 << 30, (12, 6))

    @pytest.fixture
    def wrong(self, here: Path, monkeypatch: pytest.MonkeyPatch) -> list[float]:
        """What engines add to their results; empty at first."""
        errors: list[float] = []
        gpu = FakeCuda()

        def load(path: Path, sidecar: Sidecar, *_: Any) -> TensorRtBackend:
            backend = TensorRtBackend(path, sidecar, FakeNetwork(MODEL, gpu), gpu, "fake GPU")
            run = backend.run
            backend.run = lambda *inputs: run(*inputs) + np.float32(sum(errors))  # type: ignore[method-assign]
            return backend

        monkeypatch.setattr(build, "find_gpu", lambda: self.RTX)
        monkeypatch.setattr(build, "open_cuda", lambda: gpu)
        monkeypatch.setattr(build, "load_engine", load)
        monkeypatch.setattr(build, "build", lambda *_: tensorrt_api.Built(b"an engine", []))
        return errors

    @pytest.mark.parametrize("sizes", [(), ("--max-shape", "16x24"), ("--min-shape", "200x300")])
    def test_an_engine_that_equals_the_cpu_is_written(self, sizes: tuple[str, ...], wrong: list[float]) -> None:
        wrong.append(0.001)
        result = amsr("build-engine", MODEL, "--edition", "tensorrt-rtx", *sizes)
        assert result.exit_code == 0, result.output
        difference = result.stdout.partition("differs from the CPU by at most ")[2]
        assert float(difference) == pytest.approx(0.001, rel=0.1)

    @pytest.mark.parametrize("error", [0.1, float("nan")])
    def test_an_engine_that_differs_is_not(self, error: float, wrong: list[float], here: Path) -> None:
        wrong.append(error)
        result = amsr("build-engine", MODEL, "--edition", "tensorrt-rtx")
        assert_refused(result, "the engine differs from the CPU by", "more than 0.02", code=1)
        assert not list(here.iterdir())

    def test_where_engines_cannot_run_that_is_said(self, wrong: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
        def missing() -> Any:
            raise BackendError("neither PyCUDA nor cuda-bindings is installed")

        monkeypatch.setattr(build, "open_cuda", missing)
        result = amsr("build-engine", MODEL, "--edition", "tensorrt-rtx")
        assert "not compared with the CPU (neither PyCUDA nor cuda-bindings" in result.stdout
        monkeypatch.setattr(build, "open_cuda", FakeCuda)
        server = Gpu("H100", (9, 0), 80 << 30, (13, 0))
        monkeypatch.setattr(build, "find_gpu", lambda: server)
        result = amsr("build-engine", MODEL, "--edition", "tensorrt-rtx")
        assert "not compared with the CPU (tensorrt-rtx does not run on the H100)" in result.stdout


class TestInPlace:
    @pytest.mark.parametrize(
        ("name", "version", "wanted"),
        [("tensorrt", "10.3.0.26", False), ("tensorrt", "10.7.0.23", True), ("tensorrt-rtx", "11.0", False)],
    )
    def test_versions_decide(self, name: str, version: str, wanted: bool) -> None:
        assert tensorrt_api.writes_in_place(Edition(name, SimpleNamespace(__version__=version))) == wanted  # type: ignore[arg-type]

    @pytest.mark.parametrize("option", ["--in-place", "--no-in-place"])
    def test_the_option_reaches_the_builder_and_the_sidecar(
        self, option: str, here: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        given = []

        def fake_build(*arguments: Any) -> tensorrt_api.Built:
            given.append(arguments[-1])
            return tensorrt_api.Built(b"an engine", [])

        full = Edition("tensorrt", SimpleNamespace(__version__="10.7.0.23"))  # type: ignore[arg-type]
        monkeypatch.setattr(build_engine, "choose_edition", lambda _: (full, ORIN))
        monkeypatch.setattr(build, "needed_plugins", lambda *_: None)
        monkeypatch.setattr(build, "build", fake_build)
        result = amsr("build-engine", MODEL, "--output", "a.engine", option)
        assert result.exit_code == 0, result.output
        assert given == [option == "--in-place"]
        assert f" {option} " in read_sidecar(Path("a.engine")).command


class TestPlugins:
    """The library of plugins, with registries that answer as TensorRT's would."""

    def test_models_of_bfloat16_are_not_for_them(self, monkeypatch: pytest.MonkeyPatch) -> None:
        model, edition = onnx.load(MODEL), Edition("tensorrt", SimpleNamespace(__version__="10.3.0.26"))  # type: ignore[arg-type]
        metadata, known = read_metadata(MODEL), Plugins(Path("libamsr_tensorrt.so"), frozenset({"MaskGather"}), "1")
        monkeypatch.setattr(build, "load_plugins", lambda _: known)
        assert build.needed_plugins(model, metadata, edition) is known
        with pytest.raises(UserError, match="do not compute in bfloat16"):
            build.needed_plugins(model, dataclasses.replace(metadata, precision="bfloat16"), edition)

    @staticmethod
    def edition(creators: list[Any]) -> Edition:
        registry = SimpleNamespace(load_library=lambda _: "handle", all_creators=creators)
        module = ModuleType("tensorrt")
        vars(module).update(vars(load_edition("tensorrt-rtx").trt), get_plugin_registry=lambda: registry)
        return Edition("tensorrt", module)

    def test_operators_are_those_of_the_namespace(self, library: Path) -> None:
        ours = SimpleNamespace(name="MaskGather", plugin_namespace="amsr", plugin_version="1")
        other = SimpleNamespace(name="Resize", plugin_namespace="", plugin_version="2")
        assert load_plugins(self.edition([ours, other])) == Plugins(library, frozenset({"MaskGather"}), "1")

    def test_a_library_of_another_version(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AMSR_TENSORRT_PLUGINS", onnxruntime_pybind11_state.__file__)  # without our function
        ours = SimpleNamespace(name="MaskGather", plugin_namespace="amsr", plugin_version="1")
        with pytest.raises(EngineError, match="is of another version of amsr-deploy; build the plugins again"):
            load_plugins(self.edition([ours]))

    def test_rtx_takes_none(self, library: Path) -> None:
        assert load_plugins(load_edition("tensorrt-rtx")) is None

    def test_a_library_that_does_not_load(self, library: Path) -> None:
        with pytest.raises(EngineError, match=r"does not load into tensorrt .*: .*file too short"):
            load_plugins(Edition("tensorrt", load_edition("tensorrt-rtx").trt))

    def test_a_library_without_our_plugins(self, library: Path) -> None:
        with pytest.raises(EngineError, match="holds no plugin of amsr-deploy"):
            load_plugins(self.edition([]))

    def test_a_library_that_is_missing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AMSR_TENSORRT_PLUGINS", "missing.so")
        with pytest.raises(EngineError, match=r"AMSR_TENSORRT_PLUGINS=missing\.so is not a file"):
            load_plugins(self.edition([]))


class EndlessBuilder:
    """A builder that goes on until its progress monitor tells it to stop, interrupted from outside in the middle."""

    def __init__(self) -> None:
        self.steps = 0

    def build_serialized_network(self, _: Any, config: Any) -> None:
        monitor = config.progress_monitor
        monitor.phase_start("timing", None, 10)
        monitor.phase_start("layer", "timing", 5)
        while monitor.step_complete("layer", self.steps):
            self.steps += 1
            if self.steps == 3:
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
            time.sleep(0.01)
        monitor.phase_finish("layer")
        monitor.phase_finish("timing")


@pytest.mark.skipif(sys.platform == "win32", reason="signals differ")
def test_an_interrupt_stops_the_builder() -> None:
    endless = EndlessBuilder()
    with pytest.raises(KeyboardInterrupt):
        tensorrt_api._run(load_edition("tensorrt-rtx"), endless, None, SimpleNamespace(), Console())
    assert endless.steps >= 3


@pytest.mark.parametrize("engine", [None, b"engine"])
def test_what_tensorrt_says_during_a_build_is_told(engine: bytes | None) -> None:
    edition = load_edition("tensorrt-rtx")
    logger, _ = logger_of(edition.trt)

    class Talking:
        def build_serialized_network(self, *_: Any) -> bytes | None:
            logger.log(edition.trt.ILogger.WARNING, "careful")
            logger.log(edition.trt.ILogger.ERROR, "Error Code 2: OutOfMemory")
            return engine

    if engine is None:
        with pytest.raises(EngineError, match="cannot build the engine: Error Code 2: OutOfMemory"):
            tensorrt_api._run(edition, Talking(), None, SimpleNamespace(), Console())
    else:
        built = tensorrt_api._run(edition, Talking(), None, SimpleNamespace(), Console())
        assert built.warnings == ["careful"]


def test_an_interrupt_leaves_nothing_behind(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(build, "build", interrupted)
    result = amsr("build-engine", MODEL, "--edition", "tensorrt-rtx")
    assert result.exit_code == 130
    assert "interrupted" in result.output
    assert not list(here.iterdir())


def test_a_full_disk_leaves_nothing_behind(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> Any:
        raise OSError(28, "No space left on device", "x.json")

    monkeypatch.setattr(Sidecar, "write", full)
    result = amsr("build-engine", MODEL, "--edition", "tensorrt-rtx", "--max-shape", "64x64")
    assert_refused(result, "No space left on device", code=1)
    assert not list(here.iterdir())
