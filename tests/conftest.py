"""Shared by all tests: the hypothesis profile, photos, the data folder."""

from __future__ import annotations

import functools
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import settings
from numpy.typing import NDArray
from PIL import Image

if TYPE_CHECKING:
    from batch_cases import Command
    from export_cases import Exports
    from fake_gpu import FakeCuda

os.environ.setdefault("OMP_NUM_THREADS", "1")  # of PyTorch, here and in programs: small networks lose time on more
settings.register_profile("amsr", deadline=None, max_examples=50, derandomize=True)
settings.load_profile("amsr")
signal.signal(signal.SIGINT, signal.default_int_handler)  # background jobs of a shell ignore it
if hasattr(signal, "SIGHUP"):
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # what runs under nohup ignores it

ROOT = Path(__file__).parent.parent
DATA = ROOT.parent / "shared" / "data"
OSPREY = ROOT / "examples" / "osprey.png"


@functools.cache
def osprey() -> Image.Image:
    """A real photo, decoded once; nobody changes it."""
    with Image.open(OSPREY) as file:
        return file.copy()


def size(path: Path) -> tuple[int, int]:
    """Width and height of a picture file."""
    with Image.open(path) as file:
        return file.size


def assert_same_pictures(actual: Path, expected: Path) -> None:
    """Compare the pictures of two folders by name, mode and pixels.

    Not by bytes: ISA-L compresses the same pixels in two ways, rarely. The table in which it looks for repetitions has
    the first bytes at a place that follows from where its state lies in memory.
    """
    assert sorted(path.name for path in actual.iterdir()) == sorted(path.name for path in expected.iterdir())
    for path in actual.iterdir():
        assert_same_picture(path, expected / path.name)


def assert_same_picture(actual: Path, expected: Path) -> None:
    """Compare two pictures by mode and pixels."""
    with Image.open(actual) as one, Image.open(expected) as other:
        assert one.mode == other.mode
        np.testing.assert_array_equal(np.asarray(one), np.asarray(other), err_msg=actual.name)


@pytest.fixture
def photo() -> NDArray[np.float32]:
    """A real photo [90, 120, 3] float32 in [0, 1]."""
    return np.asarray(osprey().crop((130, 30, 250, 120)).convert("RGB"), dtype=np.float32) / 255


@pytest.fixture
def shipped_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of models of a package that ships none yet."""
    from amsr_deploy.runtime import shipped

    folder = tmp_path / "weights"
    folder.mkdir()
    monkeypatch.setattr(shipped, "WEIGHTS", folder)
    return folder


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, which is the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for tests of hypothesis, whose examples share one."""
    return tmp_path_factory.mktemp("scratch")


@pytest.fixture
def photo_file(tmp_path: Path) -> Path:
    """A real photo of 48 x 40 pixels as a PNG file in an empty folder."""
    path = tmp_path / "photo.png"
    osprey().crop((150, 40, 198, 80)).save(path)
    return path


@pytest.fixture
def repeat_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that repeats pixels four times."""
    from scale_cases import write_model

    return write_model(tmp_path_factory.mktemp("model") / "repeat.onnx", 4)


@pytest.fixture(params=["infer", "mask"])
def command(request: pytest.FixtureRequest, repeat_model: Path) -> Command:
    """A command that reads pictures, and the ending of what it writes."""
    return (["infer", "--model", repeat_model], "_x4.png") if request.param == "infer" else (["mask"], "_mask.png")


@pytest.fixture
def data() -> Path:
    """The folder of benchmark photos beside the repository."""
    if not DATA.is_dir():
        pytest.skip(f"the photo folder {DATA.relative_to(ROOT.parent)} is not beside the repository")
    return DATA


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of two parts of a real photo, 160x128 and 128x128, as HR pictures."""
    path = tmp_path / "pictures"
    path.mkdir()
    osprey().crop((120, 30, 280, 158)).save(path / "a.png")
    osprey().crop((200, 60, 328, 188)).save(path / "b.png")
    return path


@pytest.fixture(scope="session")
def one_registry() -> Iterator[None]:
    """PyTorch's table of ONNX operators, read once for all exports: to read it takes as long as to trace FSRCNN."""
    try:
        from torch.onnx._internal.exporter._registration import ONNXRegistry
    except ImportError:  # private: another PyTorch may have none
        yield
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ONNXRegistry, "from_torchlib", staticmethod(functools.cache(ONNXRegistry.from_torchlib)))
        yield


@pytest.fixture
def quick_peak(monkeypatch: pytest.MonkeyPatch) -> None:
    """`amsr bench` measures the processor's peak in a moment, and not well."""
    from amsr_deploy.evaluation.bench import peak

    monkeypatch.setattr(peak, "TRIES", 2)


@pytest.fixture(scope="session")
def exports(tmp_path_factory: pytest.TempPathFactory, one_registry: None) -> Exports:  # noqa: ARG001
    """Exports of networks with random weights, each made when it is first needed."""
    pytest.importorskip("torch", reason="PyTorch is not installed: pip install 'amsr-deploy[torch]'")
    from export_cases import Exports

    return Exports(tmp_path_factory.mktemp("exports"))


@pytest.fixture
def gpu() -> FakeCuda:
    """A GPU made of main memory."""
    from fake_gpu import FakeCuda

    return FakeCuda()


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty file in the place of the TensorRT plugins."""
    path = tmp_path / "libamsr_tensorrt.so"
    path.write_bytes(b"")
    monkeypatch.setenv("AMSR_TENSORRT_PLUGINS", str(path))
    monkeypatch.setattr("amsr_deploy.runtime.backends.tensorrt.plugins._hear_errors", lambda *_: None)
    return path
