"""Compiled kernels of TensorRT for RTX on disk, over a runtime cache that holds bytes."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from amsr_deploy.runtime.backends.tensorrt.kernel_cache import KernelCache

TRT: Any = SimpleNamespace(
    ExecutionContextAllocationStrategy=SimpleNamespace(USER_MANAGED="user"),
    CudaGraphStrategy=SimpleNamespace(WHOLE_GRAPH_CAPTURE="whole"),
    DynamicShapesKernelSpecializationStrategy=SimpleNamespace(EAGER="eager"),
)


class FakeConfig:
    """`trt.IRuntimeConfig` and its cache in one."""

    def __init__(self) -> None:
        self.content: bytes | None = b""
        self.allocation = self.cuda_graph_strategy = self.cache = None
        self.dynamic_shapes_kernel_specialization_strategy = "lazy"

    def set_execution_context_allocation_strategy(self, strategy: Any) -> None:
        self.allocation = strategy

    def create_runtime_cache(self) -> FakeConfig:
        return self

    def set_runtime_cache(self, cache: Any) -> None:
        self.cache = cache

    def deserialize(self, data: bytes) -> None:
        self.content = data

    def serialize(self) -> bytes | None:
        return self.content


def open_cache(file: Path) -> tuple[KernelCache, FakeConfig]:
    config = FakeConfig()
    engine = SimpleNamespace(create_runtime_config=lambda: config, create_execution_context=lambda given: given)
    cache = KernelCache(TRT, engine, file)
    assert cache.create_context() is config
    assert config.cache is config
    assert config.allocation == "user"
    return cache, config


def test_what_was_compiled_is_there_at_the_next_start(tmp_path: Path) -> None:
    file = tmp_path / "new" / "a.kernels"
    cache, config = open_cache(file)
    cache.save()
    assert not file.exists()
    config.content = b"kernels"
    cache.save()
    assert open_cache(file)[1].content == b"kernels"


def test_nothing_new_is_not_written_again(tmp_path: Path) -> None:
    file = tmp_path / "a.kernels"
    file.write_bytes(b"kernels")
    cache, config = open_cache(file)
    file.unlink()
    cache.save()
    assert not file.exists()
    config.content = None  # TensorRT could not say
    cache.save()
    assert not file.exists()


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("in the way")
    cache, config = open_cache(tmp_path / "file" / "a.kernels")
    config.content = b"kernels"
    cache.save()
    assert re.search(r"compiled kernels are not kept: .*a\.kernels: \w+", caplog.text)


def test_eager_kernels_come_before_the_first_run(tmp_path: Path) -> None:
    cache, config = open_cache(tmp_path / "a")
    assert config.dynamic_shapes_kernel_specialization_strategy == "lazy"
    cache.compile_first()
    assert config.dynamic_shapes_kernel_specialization_strategy == "eager"
