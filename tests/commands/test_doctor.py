"""`amsr doctor`, and the errors about packages that are missing: the two agree."""

from __future__ import annotations

import re
from pathlib import Path

import onnxruntime
import pytest
import torch
from command_line import amsr, assert_refused
from conftest import ROOT

from amsr_deploy import dependencies, native
from amsr_deploy.commands.doctor import CONSEQUENCES
from amsr_deploy.commands.messages import report_failure

UNUSABLE = {
    "bench": ["--data", "nowhere"],
    "export": ["--weights", str(ROOT / "README.md")],
    "train": ["--backbone", "fsrcnn", "--data", "nowhere", "--out", "run"],
}
"""Options of the commands that need PyTorch, which fail where it is there, too, and soon."""


def test_doctor_names_versions_and_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AMSR_CPU_ISA", raising=False)
    result = amsr("doctor")
    assert result.exit_code == 0, result.output
    for part in ("amsr-deploy", onnxruntime.__version__, torch.__version__, "devices", "kernels"):
        assert part in result.stdout
    for part in ("OpenImageIO", "onnxscript", "--backbone carn --scale 4", "\ncuda "):
        assert part in result.stdout


@pytest.mark.parametrize("extra", ["onnx", "torch", "train", "eval", "plots", "video", "ray", "heic", "openvino"])
def test_doctor_says_what_each_missing_extra_costs(monkeypatch: pytest.MonkeyPatch, extra: str) -> None:
    monkeypatch.setattr("amsr_deploy.commands.doctor.installed_version", lambda *_: None)
    assert f"amsr-deploy[{extra}]" in amsr("doctor").stdout


def test_doctor_and_errors_agree_how_to_install_each_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("amsr_deploy.commands.doctor.installed_version", lambda *_: None)
    shown = [line.partition("; run: ")[2] for line in amsr("doctor").stdout.splitlines() if "; run: pip" in line]
    needed_to_run_it = {"numpy", "platformdirs"}
    missing = [ModuleNotFoundError(name=module) for module in dependencies.PACKAGES if module not in needed_to_run_it]
    told = [str(dependencies.missing_dependency(error)).partition("; run: ")[2] for error in missing]
    assert sorted(shown) == sorted(told)


def test_doctor_fails_where_commands_would(monkeypatch: pytest.MonkeyPatch, photo_file: Path) -> None:
    if native.library_path() is None:
        pytest.skip("the native library is not built")
    monkeypatch.setenv("AMSR_CPU_ISA", "mmx")
    result = amsr("doctor")
    assert result.exit_code == 1
    assert "AMSR_CPU_ISA=mmx is not available" in result.stdout
    assert_refused(amsr("infer", photo_file, "--backbone", "fsrcnn"), "AMSR_CPU_ISA=mmx")
    assert amsr("mask", photo_file).exit_code == 0  # which runs no network


@pytest.mark.parametrize(
    ("module", "advice"),
    [
        ("skimage.metrics", 'scikit-image, which is not installed; run: pip install "amsr-deploy[eval]"'),
        ("onnxscript", '"amsr-deploy[torch]"'),
        ("onnx", '"amsr-deploy[onnx]"'),
        ("onnxruntime", "ONNX Runtime, which is not installed; run: pip install --force-reinstall ONNXRuntime"),
        ("nowhere", "unexpected ModuleNotFoundError"),
    ],
)
def test_missing_packages_name_their_extra(module: str, advice: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert report_failure(ModuleNotFoundError(f"No module named {module!r}", name=module)) == 1
    assert advice in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "needs", "extra"),
    [
        ("bench", "torch, safetensors, onnx, onnx-ir, onnxscript, which are", "torch"),
        ("export", "torch, safetensors, onnx, onnx-ir, onnxscript, which are", "torch"),
        ("train", "torch, safetensors, filelock, which are", "train"),
    ],
)
def test_what_pytorch_needs_is_asked_for_at_once(
    command: str, needs: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dependencies, "find_spec", lambda _: None)
    result = amsr(command, *UNUSABLE[command])
    assert_refused(result, f'amsr {command} needs {needs} not installed; run: pip install "amsr-deploy[{extra}]"')


@pytest.mark.parametrize("module", ["torch", "safetensors", "onnx", "onnx_ir", "onnxscript", "filelock", "tensorboard"])
@pytest.mark.parametrize("command", UNUSABLE)
def test_doctor_says_which_commands_miss_a_package(
    command: str, module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(dependencies, "find_spec", lambda name: None if name == module else name)
    is_refused = f"amsr {command} needs " in amsr(command, *UNUSABLE[command]).stderr
    assert is_refused == bool(re.search(rf"\b{command}\b.* cannot run", CONSEQUENCES[module]))
