"""What goes to the GPU and comes back, on a GPU made of main memory."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from fake_gpu import SCRATCH_PER_PIXEL, FakeCuda, FakeNetwork
from numpy.typing import NDArray

from amsr_deploy.errors import BackendError
from amsr_deploy.runtime.backends.base import OutOfMemoryError
from amsr_deploy.runtime.backends.onnxruntime import OnnxRuntimeBackend
from amsr_deploy.runtime.backends.tensorrt import stream as stream_module
from amsr_deploy.runtime.backends.tensorrt.stream import GpuStream
from amsr_deploy.runtime.shipped import shipped_model

MODEL = shipped_model("fsrcnn")

Inputs = dict[str, NDArray[np.generic]]


def case(height: int, width: int, count: int, seed: int = 0) -> Inputs:
    random = np.random.default_rng(seed)
    index = np.sort(random.choice(height * width, count, replace=False)).astype(np.int64)
    return {"image": random.random((1, 3, height, width), dtype=np.float32), "index": index}


def assert_right(stream: GpuStream, inputs: Inputs, model: Path = MODEL) -> None:
    expected = OnnxRuntimeBackend(model, "cpu").run(inputs["image"], {"index": inputs["index"]})
    np.testing.assert_allclose(stream.run(inputs), expected, atol=1e-5)


def test_pictures_of_changing_sizes_come_back_right(gpu: FakeCuda) -> None:
    stream = GpuStream(FakeNetwork(MODEL, gpu), gpu)
    for seed, size in enumerate([(20, 30, 100), (40, 24, 333), (8, 8, 1), (20, 30, 100), (40, 24, 960), (8, 9, 0)] * 2):
        assert_right(stream, case(*size, seed=seed))
    assert gpu.depth == 0


def test_a_graph_is_captured_at_the_second_run_of_a_plan_and_launched_from_then_on(gpu: FakeCuda) -> None:
    network = FakeNetwork(MODEL, gpu)
    stream = GpuStream(network, gpu)
    launches = []
    for seed in range(5):
        assert_right(stream, case(20, 30, 100, seed))
        launches.append(gpu.launches)
    assert launches == [0, 0, 1, 2, 3]
    assert network.contexts == 2  # the shared one and that of the shape
    assert gpu.graphs == 1


def test_pictures_that_all_differ_share_a_context(gpu: FakeCuda) -> None:
    network = FakeNetwork(MODEL, gpu)
    stream = GpuStream(network, gpu)
    for side in range(8, 24):
        assert_right(stream, case(side, side + 3, side))
    assert (network.contexts, gpu.graphs) == (1, 0)
    assert_right(stream, case(10, 13, 10))
    assert network.contexts == 2


def test_addresses_are_set_where_a_plan_is_made_or_a_buffer_moves(gpu: FakeCuda) -> None:
    network = FakeNetwork(MODEL, gpu)
    stream = GpuStream(network, gpu)
    bindings = []
    for seed, side in enumerate((20, 20, 20, 20, 40, 20, 20)):
        assert_right(stream, case(side, side, 50, seed))
        bindings.append(network.bindings)
    assert bindings == [1, 2, 2, 2, 3, 4, 4]


def test_graphs_of_buffers_that_moved_are_captured_again(gpu: FakeCuda) -> None:
    stream = GpuStream(FakeNetwork(MODEL, gpu), gpu)
    for seed in range(3):
        assert_right(stream, case(10, 10, 50, seed))
    assert gpu.graphs == 1
    assert_right(stream, case(40, 40, 50))
    for seed, graphs in ((9, 0), (10, 1)):
        assert_right(stream, case(10, 10, 50, seed))
        assert gpu.graphs == graphs


def test_buffers_are_reused(gpu: FakeCuda) -> None:
    stream = GpuStream(FakeNetwork(MODEL, gpu), gpu)
    stream.run(case(40, 40, 800))
    used, addresses = gpu.used, set(gpu.memories)
    for side in (10, 20, 40):
        stream.run(case(side, side, side))
    assert (gpu.used, set(gpu.memories)) == (used, addresses)


def test_without_graphs(gpu: FakeCuda) -> None:
    stream = GpuStream(FakeNetwork(MODEL, gpu, captures_graphs=False), gpu)
    for seed in range(3):
        assert_right(stream, case(20, 30, 100, seed))
    assert gpu.launches == 0


@pytest.mark.parametrize("step", ["can_capture", "can_launch"])
def test_a_run_that_cannot_be_captured_is_said_once_and_runs(step: str, caplog: pytest.LogCaptureFixture) -> None:
    gpu = FakeCuda(**{step: False})
    stream = GpuStream(FakeNetwork(MODEL, gpu), gpu)
    for seed in range(4):
        assert_right(stream, case(20, 30, 100, seed))
    (message,) = caplog.messages
    assert re.search(r"fake\)?; kernels are launched one by one$", message)
    assert gpu.graphs == 0


def test_few_plans_are_kept(gpu: FakeCuda, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_module, "PREPARED_SHAPES", 2)
    network = FakeNetwork(MODEL, gpu)
    stream = GpuStream(network, gpu)
    for side in (30, 30, 10, 10, 30, 20, 20):  # 10 is the oldest when 20 gets a prepared
        assert_right(stream, case(side, side, 10))
    assert network.contexts == 4
    assert_right(stream, case(30, 30, 10))
    assert_right(stream, case(10, 10, 10))  # on the shared context
    assert network.contexts == 4
    assert_right(stream, case(10, 10, 10))
    assert network.contexts == 5


def test_closing_gives_everything_back(gpu: FakeCuda) -> None:
    stream = GpuStream(FakeNetwork(MODEL, gpu), gpu)
    for seed in range(3):
        stream.run(case(10, 10, 50, seed))
    assert gpu.graphs == 1
    stream.close()
    stream.close()
    assert (gpu.used, gpu.pinned, gpu.graphs, gpu.streams, gpu.depth) == (0, 0, 0, [], 0)
    with pytest.raises(BackendError, match="was closed"):
        stream.run(case(10, 10, 50))


def test_out_of_memory_gives_everything_back() -> None:
    gpu = FakeCuda(budget=100_000 + 40 * 40 * SCRATCH_PER_PIXEL)
    stream = GpuStream(FakeNetwork(MODEL, gpu), gpu)
    stream.run(case(10, 10, 50))
    assert gpu.used > 0
    with pytest.raises(OutOfMemoryError):
        stream.run(case(200, 200, 50))
    assert gpu.used == gpu.depth == 0
    assert_right(stream, case(10, 10, 50))


def test_a_run_that_fails_says_why(gpu: FakeCuda) -> None:
    network = FakeNetwork(MODEL, gpu)
    network.fails = True
    with pytest.raises(BackendError, match="the run failed"):
        GpuStream(network, gpu).run(case(10, 10, 50))
