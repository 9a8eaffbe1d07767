"""Whole networks through the C interface of the CUDA kernels, as `benchmarks/gpu.py` runs them on a bare machine.

Here the kernels are emulated on the CPU, so tensors of the CPU take the place of a GPU's; capture and times are not
rehearsed.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import bare_networks
import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from cuda_kernels import CudaKernels, KernelError
from native_build import EMULATION, build_emulation
from onnx_file import read_graph
from photo import photo_of_size
from torch import Tensor
from walker import Walker

from amsr_deploy.runtime.shipped import shipped_model

TARGET = "amsr_cuda_kernels_emulated"


@pytest.fixture(scope="module")
def kernels() -> CudaKernels:
    """The emulated kernels, built here."""
    cmake = shutil.which("cmake")
    if cmake is None:
        pytest.skip("CMake is not here: the emulated kernels are built with it")
    if not any(map(shutil.which, ("c++", "g++", "clang++"))):
        pytest.skip("no C++ compiler is here to build the emulated kernels")
    if sys.platform == "win32":
        pytest.skip("the emulation of the GPU needs POSIX contexts")
    build_emulation(cmake, TARGET)
    return CudaKernels(EMULATION / "tests" / "cuda" / f"lib{TARGET}.so")


def inputs_of(backbone: str) -> dict[str, Tensor]:
    """A random picture and selection, some of it unmasked."""
    random = np.random.default_rng(0)
    height, width = (16, 24) if backbone == "swinir" else (7, 9)
    image = random.random((1, 3, height, width), dtype=np.float32)
    if backbone == "swinir":
        selection = {"windows": np.array([0, 2, 5]), "shifted_windows": np.array([1, 5])}
    else:
        selection = {"index": np.flatnonzero(random.random(height * width) < 0.5)}
    return {name: torch.from_numpy(value) for name, value in {"image": image, **selection}.items()}


@pytest.mark.parametrize(
    ("backbone", "dtype"),
    [
        *((name, torch.float32) for name in ("disp", "carn", "fsrcnn", "swinir")),
        pytest.param("srresnet", torch.float32, marks=pytest.mark.slow),
        *((name, torch.float16) for name in ("disp", "fsrcnn")),
        pytest.param("swinir", torch.float16, marks=pytest.mark.slow),
    ],
)
def test_walker_gives_what_the_model_file_gives(kernels: CudaKernels, backbone: str, dtype: torch.dtype) -> None:
    model, inputs = shipped_model(backbone), inputs_of(backbone)
    walker = Walker(read_graph(model), kernels, dtype, "cpu")
    first = walker(inputs)
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    (expected,) = session.run(None, {name: value.numpy() for name, value in inputs.items()})
    tolerance = {torch.float32: 1e-5, torch.float16: 1e-2}[dtype]
    np.testing.assert_allclose(first.numpy(), expected, rtol=0, atol=tolerance)
    assert torch.equal(walker(inputs), first), "a run changed what the next one reads"


@pytest.mark.parametrize("backbone", bare_networks.NETWORKS)
def test_graphs_are_read_as_the_onnx_package_reads_them(backbone: str) -> None:
    path = shipped_model(backbone)
    graph, expected = read_graph(path), onnx.load(path).graph
    assert len(graph.nodes) == len(expected.node)
    for node, other in zip(graph.nodes, expected.node, strict=True):
        names = (node.domain, node.op, list(node.inputs), list(node.outputs))
        assert names == (other.domain, other.op_type, list(other.input), list(other.output))
        values = {attribute.name: onnx.helper.get_attribute_value(attribute) for attribute in other.attribute}
        assert node.attributes == {
            name: value.decode() if isinstance(value, bytes) else value for name, value in values.items()
        }
    assert len(graph.constants) == len(expected.initializer)
    for tensor in expected.initializer:
        np.testing.assert_array_equal(graph.constants[tensor.name], onnx.numpy_helper.to_array(tensor))


class Eager:
    """Stands for a CUDA graph."""

    def __init__(self, work: object) -> None:
        assert callable(work)
        self.result = work()


@pytest.fixture
def small_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bare_networks, "SMALL", (16, 8))
    monkeypatch.setattr(bare_networks, "SIZE_4K", (24, 16))
    monkeypatch.setattr(bare_networks, "Captured", Eager)
    monkeypatch.setattr(bare_networks, "milliseconds", lambda works: dict.fromkeys(works, 2.0))


@pytest.mark.usefixtures("small_pictures")
def test_a_network_is_measured_beside_its_dense_twin(kernels: CudaKernels, photo_file: Path) -> None:
    with torch.inference_mode():
        rows = list(bare_networks.measure("fsrcnn", kernels, photo_file, "cpu"))
    assert [row.dtype for row in rows] == [torch.float16, torch.float32]
    assert all(row.is_right() for row in rows)
    assert rows[1].off_4k < 1e-5
    columns = bare_networks.HEADER.splitlines()[0].count("|")
    assert all(str(row).count("|") == columns for row in rows)


@pytest.mark.usefixtures("small_pictures")
def test_wrong_results_are_seen(kernels: CudaKernels, photo_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    right = Walker.__call__
    monkeypatch.setattr(Walker, "__call__", lambda self, inputs: right(self, inputs) + 0.03)
    with torch.inference_mode():
        rows = list(bare_networks.measure("fsrcnn", kernels, photo_file, "cpu"))
    assert not any(row.is_right() for row in rows)
    assert all("WRONG" in str(row) for row in rows)


def test_a_layer_that_no_kernel_takes_is_refused(kernels: CudaKernels) -> None:
    with pytest.raises(KernelError, match="convolution"):
        kernels.pack_convolution(torch.zeros(4, 4, 2, 2), torch.zeros(4))


def test_what_a_kernel_refuses_is_an_error(kernels: CudaKernels) -> None:
    channels, hidden, heads = 8, 16, 2
    attention = [(channels,), (channels,), (3 * channels, channels), (3 * channels,), (heads, 64, 64)]
    rest = [(channels, channels), (channels,), (channels,), (channels,), (hidden, channels), (hidden,)]
    shapes = [*attention, *rest, (channels, hidden), (channels,)]
    packed = kernels.pack_window_layer([torch.zeros(shape) for shape in shapes], heads, 8)
    with pytest.raises(KernelError, match="window_layer"):
        kernels.window_layer(torch.zeros(90, channels), torch.zeros(1, dtype=torch.int64), 9, 10, packed, 0, 1e-5)


def test_a_photo_too_small_is_repeated_by_reflection(photo_file: Path) -> None:
    whole = photo_of_size(photo_file, 48, 40)
    larger = photo_of_size(photo_file, 60, 44)
    np.testing.assert_array_equal(larger, np.pad(whole, ((0, 4), (0, 12), (0, 0)), mode="symmetric"))


def test_what_is_read_during_a_run_stays_in_main_memory() -> None:
    """A CUDA graph cannot wait for a copy from the GPU."""
    packing = SimpleNamespace(pack_convolution=lambda *_: None)
    graph = read_graph(shipped_model("srresnet"))
    walker = Walker(graph, packing, torch.float32, "meta")
    read = {name for node in graph.nodes if node.op in ("Resize", "Reshape") for name in node.inputs[1:]}
    read &= walker.weights.keys()
    assert any(walker.weights[name].is_floating_point() for name in read)
    assert {walker.weights[name].device.type for name in read} == {"cpu"}
    assert "meta" in {weight.device.type for weight in walker.weights.values()}
