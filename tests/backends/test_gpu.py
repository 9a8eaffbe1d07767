"""Asking the driver, with drivers that answer all sorts of things."""

from __future__ import annotations

import ctypes
from typing import Any
from unittest.mock import Mock

import pytest

from amsr_deploy.errors import BackendError
from amsr_deploy.runtime.backends.gpu import find_gpu


class Driver:
    """libcuda of a machine with an Orin."""

    def __init__(self, **codes: int) -> None:
        self.codes = codes

    def __getattr__(self, function: str) -> Any:
        code = self.codes.get(function, 0)
        return (lambda *_: code) if code else getattr(self, f"do_{function}")

    def do_cuInit(self, flags: int) -> int:  # noqa: N802
        return 0

    def do_cuDriverGetVersion(self, version: Any) -> int:  # noqa: N802
        return self.put(version, ctypes.c_int, 12060)

    def do_cuDeviceGet(self, device: Any, number: int) -> int:  # noqa: N802
        return self.put(device, ctypes.c_int, 3 + number)

    def do_cuDeviceGetName(self, name: Any, size: int, device: int) -> int:  # noqa: N802
        assert (size, device) == (256, 3)
        name.value = b"Orin"
        return 0

    def do_cuDeviceTotalMem_v2(self, memory: Any, device: int) -> int:  # noqa: N802
        return self.put(memory, ctypes.c_size_t, 8 << 30)

    def do_cuDeviceGetAttribute(self, value: Any, attribute: int, device: int) -> int:  # noqa: N802
        return self.put(value, ctypes.c_int, {75: 8, 76: 7}[attribute])

    @staticmethod
    def put(target: Any, kind: Any, value: int) -> int:
        ctypes.cast(target, ctypes.POINTER(kind))[0] = value
        return 0


def load_driver(monkeypatch: pytest.MonkeyPatch, driver: Driver) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _: driver)


def test_a_gpu_tells_its_name_and_abilities(monkeypatch: pytest.MonkeyPatch) -> None:
    load_driver(monkeypatch, Driver())
    gpu = find_gpu()
    assert (gpu.name, gpu.compute_capability, gpu.memory, gpu.driver) == ("Orin", (8, 7), 8 << 30, (12, 6))
    assert gpu.architecture == "sm_87"
    assert str(gpu) == "Orin (sm_87, 8 GiB, driver for CUDA 12.6)"


def test_no_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", Mock(side_effect=OSError("cannot open shared object file")))
    with pytest.raises(BackendError, match="no NVIDIA driver here"):
        find_gpu()


def test_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    load_driver(monkeypatch, Driver(cuInit=100))
    with pytest.raises(BackendError, match="finds no GPU"):
        find_gpu()


def test_a_driver_that_does_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    load_driver(monkeypatch, Driver(cuInit=803))
    with pytest.raises(BackendError, match=r"does not work \(cuInit: error 803\)"):
        find_gpu()
