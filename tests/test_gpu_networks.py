"""What `benchmarks/gpu.py` measures of whole networks, on a GPU made of main memory and on the CPU."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import gpu_networks
import numpy as np
import pytest
from fake_gpu import FakeCuda, FakeNetwork
from gpu_networks import Comparison, Loaded
from numpy.typing import NDArray

from amsr_deploy.errors import BackendError
from amsr_deploy.runtime.backends.base import SelectionInputs
from amsr_deploy.runtime.backends.onnxruntime import OnnxRuntimeBackend
from amsr_deploy.runtime.shipped import shipped_model


class Cpu:
    """A host without a GPU whose times are known and whose results are too large by 0.25."""

    @contextmanager
    def load(self, model: Path, image: NDArray[np.float32], selection: SelectionInputs) -> Iterator[Loaded]:
        result = OnnxRuntimeBackend(model, "cpu").run(image, selection)
        yield Loaded(lambda: 3e-3 if selection else 4e-3, lambda: result + np.float32(0.25))


class Broken:
    """A host that cannot run anything."""

    def load(self, model: Path, image: NDArray[np.float32], selection: SelectionInputs) -> NoReturn:
        raise BackendError("out of order\nas ever")


@pytest.fixture
def comparison(tmp_path: Path, photo_file: Path, monkeypatch: pytest.MonkeyPatch) -> Comparison:
    monkeypatch.setattr(gpu_networks, "SIZES", ((64, 36), (96, 60)))
    monkeypatch.setattr(gpu_networks, "shipped_backbones", lambda: ["fsrcnn"])
    monkeypatch.setattr(
        gpu_networks, "export", lambda backbone, _, form: shipped_model(backbone, dense=form == "dense")
    )
    return gpu_networks.compare("fsrcnn", photo_file, gpu_networks.SIZES[0], tmp_path)


def test_a_row_has_times_and_the_difference_from_float32(
    comparison: Comparison, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        gpu_networks,
        "medians",
        lambda runs, *_: {name: 5e-3 if name == "copies" else run() for name, run in runs.items()},
    )
    row = gpu_networks.row(comparison, Cpu())
    backbone, name, share, _, dense, masked, ratio, aim, error, copies = (cell.strip() for cell in row.split("|")[1:-1])
    assert (backbone, name, dense, masked, ratio) == ("fsrcnn", "64 x 36", "4.00", "3.00", "0.75")
    assert float(share) == pytest.approx(comparison.case.density, abs=0.005)
    assert float(error) == 0.25
    assert (aim, copies) == ("", "5.00")


def test_what_cannot_run_has_its_reason_in_the_table(comparison: Comparison, photo_file: Path) -> None:
    lines = list(gpu_networks.table(Broken(), photo_file, comparison.masked.parent))
    assert "| fsrcnn | 64 x 36 | out of order |" in "".join(lines)
    assert len({line.count("|") for line in lines if line.startswith("|") and "\n" not in line}) == 1


def test_engines_are_timed_without_copies_and_leave_nothing() -> None:
    gpu = FakeCuda()
    model = shipped_model("fsrcnn")
    image = np.random.default_rng(0).random((1, 3, 8, 10), dtype=np.float32)
    inputs = {"image": image, "index": np.arange(0, dtype=np.int64)}
    with gpu_networks.computing(FakeNetwork(model, gpu), gpu, inputs) as compute:
        before = gpu.launches
        compute()
        compute()
        assert gpu.launches == before + 2
    assert not gpu.memories
    assert gpu.graphs == gpu.pinned == 0
