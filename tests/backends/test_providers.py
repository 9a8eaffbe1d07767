"""Execution providers of ONNX Runtime: who computes what the CPU does, and what is said of those that are not there."""

from __future__ import annotations

import inspect
import sys
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import onnx.inliner
import onnxruntime as ort
import pytest
from command_line import amsr
from export_cases import Exports
from numpy.typing import NDArray

from amsr_deploy.descriptor import BACKBONES, DEVICES, Device
from amsr_deploy.errors import BackendError, ModelError
from amsr_deploy.export.functions import FUNCTIONS
from amsr_deploy.runtime.backends import providers
from amsr_deploy.runtime.backends.onnxruntime import OnnxRuntimeBackend, session_options
from amsr_deploy.runtime.backends.providers import CPU, PROVIDERS, Provider, add_provider
from amsr_deploy.runtime.shipped import WEIGHTS, shipped_model, shipped_scales

SIDES = (16, 24)
OTHERS: tuple[Device, ...] = ("cuda", "directml", "coreml", "openvino", "webgpu")


def selection(body: str, share: float) -> dict[str, NDArray[np.int64]]:
    """Select a share of the pixels, or of the windows, of a picture."""
    generator = np.random.default_rng(1)
    counts = {"index": 16 * 24} if body == "pixels" else {"windows": 6, "shifted_windows": 6}
    return {name: np.flatnonzero(generator.random(count) < share) for name, count in counts.items()}


def picture() -> NDArray[np.float32]:
    return np.random.default_rng(0).random((1, 3, *SIDES), dtype=np.float32)


@pytest.mark.parametrize(
    "backbone", [pytest.param(name, marks=[] if shipped_scales(name) else [pytest.mark.slow]) for name in BACKBONES]
)
def test_openvino_computes_the_functions(backbone: str, exports: Exports) -> None:
    openvino = pytest.importorskip("openvino", reason="the package openvino is not installed")
    model = shipped_model(backbone) if shipped_scales(backbone) else exports(backbone)
    inlined = onnx.inliner.inline_local_functions(onnx.load(model))
    core = openvino.Core()
    compiled = core.compile_model(
        core.read_model(inlined.SerializeToString()), "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
    )
    reference = OnnxRuntimeBackend(model, "cpu")
    for share in (0, 0.3, 1):
        chosen = selection(reference.metadata.body, share)
        (result,) = compiled({"image": picture(), **chosen}).values()
        np.testing.assert_allclose(result, reference.run(picture(), chosen), atol=1e-4)


@pytest.mark.parametrize("path", sorted(WEIGHTS.glob("*.onnx")), ids=lambda path: path.stem)
def test_shipped_models_find_neighbours_by_the_function_of_this_version(path: Path) -> None:
    found = [each for each in onnx.load(path).functions if each.name == "MaskNeighbors"]
    assert found in ([], [FUNCTIONS["MaskNeighbors"].to_function_proto()])


@pytest.mark.skipif(
    PROVIDERS["openvino"].name not in ort.get_available_providers(), reason="onnxruntime-openvino is not installed"
)
def test_openvino_in_onnx_runtime() -> None:
    model = shipped_model("fsrcnn")
    backend, reference = OnnxRuntimeBackend(model, "openvino", threads=1), OnnxRuntimeBackend(model, "cpu")
    assert backend.name == f"onnxruntime {ort.__version__} openvino (ONNX functions)"
    assert not backend.is_local
    for share in (0, 0.3, 1):
        chosen = selection("pixels", share)
        np.testing.assert_allclose(backend.run(picture(), chosen), reference.run(picture(), chosen), atol=1e-4)


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """An ONNX Runtime for the CPU alone, without plugins."""
    monkeypatch.setattr(ort, "get_available_providers", lambda: [CPU])
    monkeypatch.setattr(providers, "find_spec", lambda _: None)


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize(
    ("device", "package"),
    [
        ("cuda", 'pip install "amsr-deploy[gpu]" && pip uninstall -y onnxruntime && pip install --force-reinstall'),
        ("directml", "onnxruntime-directml"),
        ("coreml", "on macOS"),
        ("openvino", "onnxruntime-openvino"),
        ("webgpu", "onnxruntime-ep-webgpu"),
    ],
)
def test_what_is_not_there_names_its_package(device: str, package: str, photo_file: Path) -> None:
    result = amsr("infer", photo_file, "--backbone", "fsrcnn", "--device", device)
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"amsr: error: device {device} was asked for, but this ONNX Runtime has no ")
    assert package in line
    assert [path.name for path in photo_file.parent.iterdir()] == [photo_file.name]


@pytest.mark.usefixtures("bare")
def test_auto_and_cpu_need_nothing() -> None:
    options = session_options()
    assert add_provider(options, "auto") == add_provider(options, "cpu") == [(CPU, {})]
    assert providers.available_devices() == ["cpu"]


def test_each_device_has_a_provider_but_for_engines() -> None:
    assert set(PROVIDERS) == set(DEVICES) - {"auto", "tensorrt"}


@pytest.mark.parametrize("device", OTHERS)
def test_a_provider_that_is_built_in_comes_before_the_cpu(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    name = PROVIDERS[device].name
    monkeypatch.setattr(ort, "get_available_providers", lambda: [name, CPU])
    monkeypatch.setattr(ort, "preload_dlls", lambda: None)
    options = session_options(1)
    settings = {"num_of_threads": "1"} if device == "openvino" else {}
    assert add_provider(options, device) == [(name, settings), (CPU, {})]
    assert options.enable_mem_pattern is (device != "directml")
    assert device in providers.available_devices()


def test_a_provider_that_does_not_start_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which ONNX Runtime says by running on the CPU instead."""
    monkeypatch.setattr(ort, "get_available_providers", lambda: [PROVIDERS["coreml"].name, CPU])
    monkeypatch.setattr(
        ort, "InferenceSession", lambda *_, **__: SimpleNamespace(get_providers=lambda: [CPU], get_modelmeta=None)
    )
    with pytest.raises(BackendError, match=r"device coreml was asked for, .* only start CPUExecutionProvider"):
        OnnxRuntimeBackend(shipped_model("fsrcnn"), "coreml")


@pytest.mark.filterwarnings("ignore:Specified provider")
def test_cuda_is_loaded_out_of_packages_before_a_session(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    loaded, model = [], shipped_model("fsrcnn")

    def preload() -> None:
        loaded.append("cuda")
        print("no libcudnn here")

    monkeypatch.setattr(ort, "get_available_providers", lambda: [PROVIDERS["cuda"].name, CPU])
    monkeypatch.setattr(ort, "preload_dlls", preload)
    monkeypatch.setattr(providers, "_load_cuda", cache(providers._load_cuda.__wrapped__))
    with pytest.raises(BackendError, match="cuda was asked for, but ONNX Runtime could only start CPUExecution"):
        OnnxRuntimeBackend(model, "cuda")
    assert "cpu" in OnnxRuntimeBackend(model, "auto").name
    assert loaded == ["cuda"]
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "no libcudnn here" in captured.err


def test_cuda_that_does_not_start_is_said_once_and_not_on_standard_output(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """ONNX Runtime would print there that it takes the CPU: into the picture that goes there."""
    create = ort.InferenceSession._create_inference_session

    def start(session: ort.InferenceSession, chosen: Any, *others: Any) -> None:
        if any(each[0] != CPU for each in chosen):
            raise RuntimeError("CUDA failure 35: the driver is too old\nmore")
        create(session, chosen, *others)

    monkeypatch.setattr(ort, "get_available_providers", lambda: [PROVIDERS["cuda"].name, CPU])
    monkeypatch.setattr(ort, "preload_dlls", lambda: None)
    monkeypatch.setattr(ort.InferenceSession, "_create_inference_session", start)
    if "enable_fallback" not in inspect.signature(ort.capi.onnxruntime_inference_collection.Session).parameters:
        pytest.skip("this ONNX Runtime prints it whatever it is asked for")
    with pytest.raises(BackendError, match=r"^device cuda does not start: CUDA failure 35: the driver is too old$"):
        OnnxRuntimeBackend(shipped_model("fsrcnn"), "cuda")
    assert not caplog.records
    assert "cpu" in OnnxRuntimeBackend(shipped_model("fsrcnn"), "auto").name
    assert [record.getMessage() for record in caplog.records] == [
        "CUDA does not start, and the CPU is used: CUDA failure 35: the driver is too old"
    ]
    assert capsys.readouterr().out == ""


class TestPlugins:
    """Packages that add a provider to any ONNX Runtime."""

    @pytest.fixture
    def plugin(self, monkeypatch: pytest.MonkeyPatch) -> str:
        """A plugin for WebGPU whose provider is that of the CPU, which ONNX Runtime has as a device, too."""
        monkeypatch.setitem(sys.modules, "fake_plugin", SimpleNamespace(get_library_path=lambda: "library.so"))
        monkeypatch.setattr(providers, "find_spec", lambda name: name == "fake_plugin" or None)
        monkeypatch.setattr(ort, "get_available_providers", lambda: [])
        monkeypatch.setattr(ort, "register_execution_provider_library", lambda *_: None)
        monkeypatch.setitem(PROVIDERS, "webgpu", Provider(CPU, "WebGPU", "", "fake_plugin"))
        monkeypatch.setattr(providers, "_plugin_devices", providers._plugin_devices.__wrapped__)
        return "fake-plugin"

    @pytest.mark.usefixtures("plugin")
    def test_its_device_runs_the_functions(self) -> None:
        model = shipped_model("fsrcnn")
        assert providers.available_devices() == ["webgpu"]
        backend, chosen = OnnxRuntimeBackend(model, "webgpu"), selection("pixels", 0.3)
        assert backend.name.endswith("(ONNX functions)")
        reference = OnnxRuntimeBackend(model, "auto")
        np.testing.assert_allclose(backend.run(picture(), chosen), reference.run(picture(), chosen), atol=1e-5)

    def test_no_device_is_said(self, plugin: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(ort, "get_ep_devices", list)
        with pytest.raises(BackendError, match=f"{plugin} finds no device on this machine for WebGPU"):
            add_provider(session_options(), "webgpu")

    def test_a_plugin_that_does_not_load_is_said(self, plugin: str, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(*_: object) -> None:
            raise RuntimeError("library.so: no such file\nmore")

        monkeypatch.setattr(ort, "register_execution_provider_library", fail)
        with pytest.raises(
            BackendError, match=rf"{plugin} does not load into ONNX Runtime .*: library.so: no such file$"
        ):
            add_provider(session_options(), "webgpu")


def test_a_file_of_another_kind_is_called_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    path.write_text("no model")
    with pytest.raises(ModelError, match="it is a checkpoint"):
        OnnxRuntimeBackend(path, "cpu")
