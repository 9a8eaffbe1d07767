"""CUDA through a PyCUDA that is none: which calls are made, and how its errors come out."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from amsr_deploy.errors import BackendError
from amsr_deploy.runtime import cuda
from amsr_deploy.runtime.backend import OutOfMemoryError
from amsr_deploy.runtime.cuda import Cuda


class Error(Exception):
    """`pycuda.driver.Error`."""


class FullMemoryError(Error):
    """`pycuda.driver.MemoryError`."""


class FakeDriver(ModuleType):
    """`pycuda.driver`, whose calls fail with `error` if there is one."""

    Error, MemoryError = Error, FullMemoryError

    def __init__(self) -> None:
        super().__init__("pycuda.driver")
        self.error: Exception | None = None
        self.stack: list[str] = []
        self.stream_flags: list[int] = []

    def call(self, *_: Any) -> None:
        if self.error is not None:
            raise self.error

    init = mem_alloc = memcpy_htod_async = memcpy_dtoh_async = pagelocked_empty = call

    def open_device(self, number: int) -> Any:
        context = SimpleNamespace(
            push=lambda: self.stack.append("ours"), pop=lambda: self.stack.pop(), detach=lambda: None
        )
        return SimpleNamespace(retain_primary_context=lambda: context)

    def open_stream(self, flags: int) -> Any:
        self.call()
        self.stream_flags.append(flags)
        return SimpleNamespace(synchronize=self.call)

    Device, Stream = open_device, open_stream


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeDriver]:
    fake = FakeDriver()
    package = ModuleType("pycuda")
    vars(package)["driver"] = fake
    monkeypatch.setitem(sys.modules, "pycuda", package)
    monkeypatch.setitem(sys.modules, "pycuda.driver", fake)
    monkeypatch.setattr(cuda.atexit, "register", lambda _: None)
    yield fake
    assert fake.stack == []


def test_the_context_is_that_of_the_block(driver: FakeDriver) -> None:
    with Cuda().active():
        assert driver.stack == ["ours"]
    assert driver.stack == []


def test_streams_do_not_wait_for_the_default_one(driver: FakeDriver) -> None:
    Cuda().stream()
    assert driver.stream_flags == [1]


def test_errors_of_pycuda_are_our_own(driver: FakeDriver) -> None:
    gpu = Cuda()
    stream, memory = gpu.stream(), np.zeros(4, np.uint8)
    driver.error = Error("an illegal address\nand more")
    for call in (
        gpu.stream,
        lambda: gpu.synchronize(stream),
        lambda: gpu.upload("gpu", memory, stream),
        lambda: gpu.download(memory, "gpu", stream),
    ):
        with pytest.raises(BackendError, match=r"the GPU failed: an illegal address$"):
            call()
    with pytest.raises(BackendError, match="the GPU cannot be opened: an illegal address"):
        Cuda()


def test_full_memory_is_told_from_other_errors(driver: FakeDriver) -> None:
    gpu = Cuda()
    driver.error = FullMemoryError("full")
    with pytest.raises(OutOfMemoryError, match="the GPU has no 3 MiB left"):
        gpu.allocate(3 << 20)
    with pytest.raises(OutOfMemoryError, match="no 3 MiB of main memory can be pinned"):
        gpu.allocate_host(3 << 20)


def test_a_missing_pycuda_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pycuda", None)
    with pytest.raises(BackendError, match="PyCUDA is not installed"):
        Cuda()
