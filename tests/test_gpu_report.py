"""The report of `benchmarks/gpu.py`: what fails or cannot run leaves the rest of it as it is."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import gpu
import pytest
from conftest import ROOT


def test_a_part_that_fails_is_written_down_and_the_next_one_runs(tmp_path: Path) -> None:
    report = gpu.Report(tmp_path / "report.md", ["# GPU\n"])

    def broken() -> Iterator[str]:
        yield "first line"
        raise RuntimeError("an illegal address")

    def absent() -> Iterator[str]:
        raise gpu.SkipError("it is not installed")
        yield

    def failing() -> Iterator[str]:
        yield gpu.call(sys.executable, "-c", "print('what it said'); raise SystemExit(3)")

    report.part("Absent", absent)
    assert not report.failed
    report.part("Broken", broken)
    assert report.failed
    assert "an illegal address" in report.output.read_text()
    report.part("Failing", failing)
    report.part("Good", lambda: iter(["all is well"]))
    text = report.output.read_text()
    for words in ("# GPU", "Skipped: it is not installed.", "first line", "what it said", "all is well"):
        assert words in text


def test_a_copy_without_history_has_an_unknown_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*command: str) -> str:
        raise subprocess.CalledProcessError(128, command, "fatal: not a git repository")

    monkeypatch.setattr(gpu, "call", fail)
    assert gpu.commit() == "unknown"


def test_it_starts_where_only_numpy_and_pillow_are_installed() -> None:
    absent = (
        "click",
        "cuda",
        "onnx",
        "onnxruntime",
        "platformdirs",
        "pycuda",
        "rich",
        "safetensors",
        "tensorrt",
        "torch",
    )
    code = (
        "import sys\n"
        f"sys.modules.update(dict.fromkeys({absent}))\n"  # None: importing it fails
        f"sys.path.insert(0, {str(ROOT / 'benchmarks')!r})\n"
        "import gpu\n"
        "print([part.title for part in gpu.make_parts(None)])\n"
        "print(gpu.photo_of(None).name)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT.parent)
    assert done.returncode == 0, done.stderr
    assert "Operators" in done.stdout
    assert "Whole networks" in done.stdout


def test_a_machine_without_gpu_is_told_what_did_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: str) -> str:
        raise gpu.SkipError("nvidia-smi is not installed")

    monkeypatch.setattr(gpu, "query_gpu", fail)
    monkeypatch.setattr(sys, "argv", ["gpu.py", "--only", "networks"])
    with pytest.raises(SystemExit) as ended:
        gpu.main()
    message = ended.value.code
    assert isinstance(message, str), "Python prints a text and ends with 1"
    assert "nvidia-smi is not installed" in message
    assert "not run: Whole networks, PyTorch and our kernels" in message
    assert "sanitizer" not in message


def test_time_that_a_part_leaves_goes_to_the_next_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu.CLOCK, "end", math.inf)
    left = []

    def look() -> Iterator[str]:
        left.append(gpu.CLOCK.left())
        yield "seen"

    gpu.run_parts([gpu.Part(str(share), look, share) for share in (1, 2, 3)], gpu.Report(tmp_path / "report.md"), 10)
    assert left == pytest.approx([100, 300, 600], abs=5)


def test_what_does_not_end_in_time_is_a_failure_that_shows_what_it_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpu.CLOCK, "end", time.monotonic())
    report = gpu.Report(tmp_path / "report.md")
    code = "import time; print('begun', flush=True); time.sleep(60)"
    report.part("Long", lambda: iter([gpu.call(sys.executable, "-c", code)]))
    assert report.failed
    assert "NOT FINISHED" in report.output.read_text()
    assert "begun" in report.output.read_text()


def test_sanitizers_are_left_out_where_no_time_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu.CLOCK, "end", time.monotonic())
    monkeypatch.setattr(gpu, "find", lambda program: program)
    lines = list(gpu.sanitizers())
    assert len(lines) == len(gpu.SANITIZERS) * len(gpu.TESTS)
    assert all("not run, no time was left" in line for line in lines)


def test_wrong_results_of_an_operator_fail_the_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "BUILD", tmp_path)
    (tmp_path / "tests" / "cuda").mkdir(parents=True)
    for name in gpu.TESTS:
        program = tmp_path / "tests" / "cuda" / f"test_cuda_{name}"
        program.write_text("#!/bin/sh\n" + ("echo 0.5 instead of 0.25; exit 1\n" if name == "mask" else "exit 0\n"))
        program.chmod(0o755)
    report = gpu.Report(tmp_path / "report.md")
    report.part("Operators", gpu.operator_tests)
    text = report.output.read_text()
    assert report.failed
    assert "0.5 instead of 0.25" in text
    assert text.count("all results are right") == len(gpu.TESTS) - 1


@pytest.mark.parametrize("script", ["gpu.py", "bare_networks.py"])
def test_a_script_finds_this_package_where_it_is_not_installed(script: str) -> None:
    code = (
        "import runpy, sys\n"
        "sys.meta_path[:] = [finder for finder in sys.meta_path if 'editable' not in repr(finder).lower()]\n"
        f"sys.path[:] = [path for path in sys.path if path not in ('', {str(ROOT)!r})]\n"
        f"sys.path.insert(0, {str(ROOT / 'benchmarks')!r})\n"
        "sys.argv[1:] = ['--help']\n"
        f"runpy.run_path({str(ROOT / 'benchmarks' / script)!r}, run_name='__main__')\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT.parent, env=environment
    )
    assert done.returncode == 0, done.stderr
    assert "usage" in done.stdout
