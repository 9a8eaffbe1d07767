"""What works without which packages, and what is imported for it."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from conftest import ROOT

from amsr_deploy.dependencies import PACKAGES

OTHER_TASKS = {
    *("amsr_deploy.commands.pictures.comparison", "amsr_deploy.commands.mask", "amsr_deploy.image.cmyk_lab"),
    *("amsr_deploy.image.tiff", "amsr_deploy.image.tiff_encoder", "amsr_deploy.video"),
    *("amsr_deploy.runtime.backends.tensorrt.sidecar", "PIL.TiffImagePlugin", "OpenImageIO", "rich"),
}
"""Modules that upscaling a PNG or JPEG does without, so that it begins early."""
STARTERS = {
    *("amsr_deploy", "amsr_deploy.cli", "amsr_deploy.commands", "amsr_deploy.commands.effort"),
    *("amsr_deploy.commands.group", "amsr_deploy.commands.messages", "amsr_deploy.commands.optional_values"),
    *("amsr_deploy.commands.types", "amsr_deploy.dependencies", "amsr_deploy.descriptor", "amsr_deploy.errors"),
    *("amsr_deploy.interrupts", "amsr_deploy.system", "amsr_deploy.system.threads", "amsr_deploy.wording"),
}
"""Modules that the simplest commands may import, so that they answer at once."""


@pytest.fixture(scope="module")
def bare_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python that has click and this package's sources and nothing else."""
    import click

    folder = tmp_path_factory.mktemp("bare")
    venv.create(folder, with_pip=False, symlinks=True)
    (site_packages,) = folder.glob("lib/python3*/site-packages")
    (site_packages / "click").symlink_to(Path(click.__file__).parent)
    (site_packages / "amsr_deploy").symlink_to(ROOT / "amsr_deploy")
    return folder / "bin" / "python"


def run(python: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    return subprocess.run([python, *arguments], capture_output=True, text=True, env=environment, check=False)


def test_bare_environment_is_bare(bare_python: Path) -> None:
    for package in ("torch", "onnxruntime", "tensorrt", "numpy", "onnx"):
        assert "ModuleNotFoundError" in run(bare_python, "-c", f"import {package}").stderr


@pytest.mark.parametrize("arguments", [("--version",), ("--help",)])
def test_simple_commands_need_nothing_and_import_little(bare_python: Path, arguments: tuple[str, ...]) -> None:
    done = run(bare_python, "-X", "importtime", "-m", "amsr_deploy", *arguments)
    assert done.returncode == 0, done.stderr
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert {module for module in imported if module.startswith("amsr_deploy")} <= STARTERS


def test_the_package_imports_nothing_until_it_is_used(bare_python: Path) -> None:
    code = "import sys, amsr_deploy; print(*(name for name in sys.modules if name.startswith('amsr_deploy')))"
    assert run(bare_python, "-c", code).stdout.split() == ["amsr_deploy"]


def test_upscaling_imports_nothing_of_other_tasks() -> None:
    code = "import sys, amsr_deploy.commands.infer; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not OTHER_TASKS & set(done.stdout.split())


@pytest.mark.parametrize(
    "command", ["infer", "mask", "export", "build-engine", "inspect", "doctor", "train", "eval", "bench", "video"]
)
def test_help_of_every_command_needs_nothing(bare_python: Path, command: str) -> None:
    done = run(bare_python, "-m", "amsr_deploy", command, "--help")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Usage:")


def test_missing_package_is_one_line(tmp_path: Path) -> None:
    code = "import sys; sys.modules['torch'] = None; from amsr_deploy.cli import main; main()"
    done = run(Path(sys.executable), "-c", code, "export", "--output", str(tmp_path / "carn.onnx"))
    assert done.returncode == 1
    assert done.stderr.startswith("amsr: error: ")
    assert done.stderr.count("\n") == 1
    assert 'pip install "amsr-deploy[torch]"' in done.stderr


TORCH_NEEDS = (
    "torch", "torchgen", "functorch", "typing_extensions.py", "filelock", "sympy", "mpmath", "networkx", "jinja2",
    "markupsafe", "fsspec", "numpy", "numpy.libs", "PIL", "pillow.libs", "safetensors", "click",
)  # fmt: skip
"""What a machine with PyTorch, safetensors, NumPy, Pillow and click alone has."""


@pytest.fixture(scope="module")
def torch_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python that has PyTorch, safetensors, NumPy, Pillow and click, this package's sources and nothing else."""
    import torch

    folder = tmp_path_factory.mktemp("torch")
    venv.create(folder, with_pip=False, symlinks=True)
    (site_packages,) = folder.glob("lib/python3*/site-packages")
    installed = Path(torch.__file__).parent.parent
    for source in (*(installed / name for name in TORCH_NEEDS), ROOT / "amsr_deploy"):
        if source.exists():
            (site_packages / source.name).symlink_to(source)
    return folder / "bin" / "python"


def test_a_training_needs_few_packages(torch_python: Path, folder: Path, tmp_path: Path) -> None:
    packages = ["rich", "OpenImageIO", "onnx", "onnxruntime", "onnxscript", "tensorboard"]
    code = f"from importlib.util import find_spec; print(*filter(find_spec, {packages}))"
    assert run(torch_python, "-c", code).stdout == "\n"
    weights = tmp_path / "first" / "weights.safetensors"
    code = "from amsr_deploy.cli import main\n"
    for number, more in (("first", ("--backbone", "fsrcnn")), ("second", ("--init", str(weights)))):
        options = ("--data", str(folder), "--out", str(tmp_path / number), "--steps", "2", "--batch-size", "2", *more)
        options += ("--synthetic", "0", "--device", "cpu", "--precision", "float32")
        code += f"try: main(['train', *{options}])\nexcept SystemExit as end: assert not end.code\n"
    done = run(torch_python, "-c", code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("holds the weights") == 2
    refused = run(torch_python, "-m", "amsr_deploy", "train", "--data", str(folder), "--out", str(tmp_path / "first"))
    assert refused.returncode == 2
    assert refused.stderr == "amsr: error: --backbone not given; see amsr train --help\n"


def test_runtime_works_without_torch() -> None:
    """Everything under runtime/ imports where torch and onnx cannot be imported."""
    blocked = "import sys; sys.modules.update(dict.fromkeys(['torch', 'onnx', 'onnxscript']));"
    folder = ROOT / "amsr_deploy" / "runtime"
    modules = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in sorted(folder.rglob("*.py"))]
    imports = ";".join(f"import {module}" for module in modules if not module.endswith("__init__"))
    done = run(Path(sys.executable), "-c", f"{blocked} {imports}; import amsr_deploy; amsr_deploy.load")
    assert done.returncode == 0, done.stderr


def test_engines_are_built_without_torch() -> None:
    blocked = "import sys; sys.modules.update(dict.fromkeys(['torch', 'onnxscript', 'onnx_ir']));"
    done = run(Path(sys.executable), "-c", f"{blocked} import amsr_deploy.engine.build, amsr_deploy.commands.inspect")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("script", "extras"),
    [
        ("reproduce", "plots"),
        ("video", "video,openvino,onnx"),
        *((name, "eval") for name in ("model_card", "photo_card")),
        *((name, "") for name in ("around", "compare", "crops", "fuzz", "memory")),
    ],
)
def test_scripts_start_with_the_extras_that_documents_name(script: str, extras: str) -> None:
    brought = {"plots": "plots,eval"}.get(extras, extras).split(",")
    others = [module for module, (_, extra) in PACKAGES.items() if extra is not None and extra not in brought]
    paths = [str(ROOT), str(ROOT / "benchmarks")]
    blocked = f"import sys; sys.modules.update(dict.fromkeys({others})); sys.path[:0] = {paths}"
    done = run(Path(sys.executable), "-c", f"{blocked}; import {script}")
    assert done.returncode == 0, done.stderr
