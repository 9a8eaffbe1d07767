"""The threads of ONNX Runtime: their number, and where they may run."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from amsr_deploy.runtime.backends import onnxruntime
from amsr_deploy.runtime.backends.onnxruntime import OnnxRuntimeBackend, session_options
from amsr_deploy.runtime.shipped import shipped_model

TASKS = Path("/proc/self/task")


def tasks() -> set[str]:
    return {path.name for path in TASKS.iterdir()}


def test_there_is_one_for_each_core_where_nobody_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnxruntime, "compute_threads", lambda: 5)
    monkeypatch.setattr(onnxruntime, "usable_cores", lambda: 8)
    assert [session_options(threads).intra_op_num_threads for threads in (None, 1, 7)] == [5, 1, 7]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells where a thread may run")
@pytest.mark.parametrize("threads", [None, 2])
def test_the_system_may_move_them_to_any_core(monkeypatch: pytest.MonkeyPatch, threads: int | None) -> None:
    """One that is tied to a core that is taken waits, beside one that is idle, or that the process may not use."""
    monkeypatch.setattr(onnxruntime, "compute_threads", lambda: 2)
    monkeypatch.setattr(onnxruntime, "usable_cores", lambda: 2)
    before = tasks()
    backend = OnnxRuntimeBackend(shipped_model("fsrcnn"), "cpu", threads)
    started = tasks() - before
    assert started
    assert all(os.sched_getaffinity(int(task)) == os.sched_getaffinity(0) for task in started)
    backend.close()
