"""Everything that only a GPU can say: the kernels' tests, sanitizers, the TensorRT plugins' host, and all timings.

    python benchmarks/gpu.py ../shared/data/large2k --output build/benchmarks_gpu.md

Builds for the GPU of this machine, runs each part, and writes one Markdown file with what docs/benchmarks.md needs.
What cannot run here is skipped, and the file says what and why. Ends with 1 where a test fails.

Needs an NVIDIA GPU, a CUDA toolkit (nvcc, compute-sanitizer) and CMake; for the comparisons PyTorch with CUDA and
onnxruntime-gpu; for engines PyCUDA or cuda-bindings, and TensorRT, in either flavour or both.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import gpu_networks
import numpy as np

from amsr_deploy import mask
from amsr_deploy.errors import BackendError
from amsr_deploy.evaluation.bench.masks import mask_of_density
from amsr_deploy.runtime.flavour import load_flavour
from amsr_deploy.runtime.gpu import find_gpu
from amsr_deploy.runtime.shipped import shipped_model
from amsr_deploy.runtime.tensorrt_log import logger_of

REPOSITORY = Path(__file__).resolve().parent.parent
BUILD = REPOSITORY / "build" / "gpu"
DENSITIES = (0.2, 0.3, 0.4, 0.5, 0.6)
TESTS = ("rows", "convolution", "mask", "window_layer")
DILATION = 5


class SkipError(Exception):
    """A part cannot run on this machine; the message says why."""


@dataclass
class Report:
    """The Markdown that is written, after each part so that nothing is lost, and whether a part failed."""

    output: Path
    lines: list[str] = field(default_factory=list)
    failed: bool = False

    def add(self, text: str) -> None:
        print(text, flush=True)
        self.lines.append(text)

    def part(self, title: str, run: Callable[[], Iterator[str]]) -> None:
        """Run one part; a skip or a failure is written down and the next part runs."""
        self.add(f"\n## {title}\n")
        try:
            for text in run():
                self.add(text)
        except SkipError as reason:
            self.add(f"Skipped: {reason}.")
        except subprocess.CalledProcessError as error:
            self.failed = True
            self.add(f"FAILED: {' '.join(map(str, error.cmd))}\n\n```\n{(error.stdout or '')[-3000:]}\n```")
        except Exception:  # whatever it is, the other parts shall run
            self.failed = True
            self.add(f"FAILED:\n\n```\n{traceback.format_exc()}```")
        self.output.write_text("\n".join(self.lines) + "\n", encoding="utf-8")


def call(*command: str | Path) -> str:
    """The output of a command, standard error included; raises CalledProcessError where it fails."""
    done = subprocess.run(
        [str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=REPOSITORY
    )
    if done.returncode != 0:
        raise subprocess.CalledProcessError(done.returncode, command, done.stdout)
    return done.stdout


def find(program: str) -> str:
    """The path of a program, in PATH or the usual place of the CUDA toolkit."""
    path = shutil.which(program) or shutil.which(program, path="/usr/local/cuda/bin")
    if path is None:
        raise SkipError(f"{program} is not installed")
    return path


def query_gpu(what: str) -> str:
    return call(find("nvidia-smi"), f"--query-gpu={what}", "--format=csv,noheader").splitlines()[0].strip()


def machine() -> Iterator[str]:
    yield f"- GPU: {query_gpu('name')}, driver {query_gpu('driver_version')}, {query_gpu('memory.total')}"
    yield f"- clocks (SM, memory; now and at most): {query_gpu('clocks.sm,clocks.mem,clocks.max.sm,clocks.max.mem')}"
    yield f"- nvcc: {call(find('nvcc'), '--version').splitlines()[-2]}"
    for package in ("torch", "onnxruntime"):
        found = importlib.util.find_spec(package) is not None
        yield f"- {package}: {importlib.import_module(package).__version__ if found else 'not installed'}"
    yield f"- commit: {commit()}"


def commit() -> str:
    """What is measured, where this is a clone and no copy of one."""
    try:
        return call("git", "rev-parse", "HEAD").strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def build() -> Iterator[str]:
    """Build all native code for this GPU, and lay the operators' library where the package looks for it."""
    architecture = query_gpu("compute_cap").replace(".", "")
    plugins = "ON" if os.environ.get("TENSORRT_INCLUDE_DIR") else "OFF"
    call(
        *("cmake", "-S", "plugins", "-B", BUILD, "-DCMAKE_BUILD_TYPE=Release", "-DAMSR_CUDA=ON", "-DAMSR_TESTS=ON"),
        *(f"-DCMAKE_CUDA_ARCHITECTURES={architecture}", f"-DCMAKE_CUDA_COMPILER={find('nvcc')}"),
        f"-DAMSR_TENSORRT={plugins}",
    )
    call("cmake", "--build", BUILD, "--parallel")
    shutil.copy(BUILD / "onnxruntime" / "libamsr_onnxruntime.so", REPOSITORY / "amsr_deploy" / "runtime")
    yield f"Built for sm_{architecture}."


def operator_tests() -> Iterator[str]:
    tests = call("ctest", "--test-dir", BUILD, "--output-on-failure", "-R", "^cuda_", "-E", "_emulated")
    yield f"```\n{tests.strip()}\n```"


def sanitizers() -> Iterator[str]:
    """compute-sanitizer on every operator test; an error in it is a failure."""
    sanitizer = find("compute-sanitizer")
    for tool in ("memcheck", "racecheck", "initcheck", "synccheck"):
        for test in TESTS:
            program = BUILD / "tests" / "cuda" / f"test_cuda_{test}"
            last = call(sanitizer, "--tool", tool, "--error-exitcode", "1", program).strip().splitlines()[-1]
            yield f"- {tool}, {test}: {last.lstrip('= ')}"


def plugin_host() -> Iterator[str]:
    """The TensorRT plugins, enqueue included."""
    targets = call("cmake", "--build", BUILD, "--target", "help")
    if not re.search(r"\bamsr_plugin_host\b", targets):
        raise SkipError("the plugins were not built: set TENSORRT_INCLUDE_DIR to the folder of TensorRT's headers")
    tests = call("ctest", "--test-dir", BUILD, "--verbose", "--no-tests=error", "-R", "^plugin_host$")
    yield f"```\n{tests.strip()}\n```"


def first_photo(photos: Path) -> Path:
    """The photo of a folder that all parts look at."""
    paths = sorted(path for path in photos.iterdir() if path.is_file())
    if not paths:
        raise SkipError(f"{photos} holds no photos")
    return paths[0]


def photo_masks(photo: Path, folder: Path) -> None:
    """Masks of a photo at every size and density, as amsr_cuda_benchmark reads them."""
    for width, height in gpu_networks.SIZES:
        frequencies = mask.high_frequencies(gpu_networks.low_resolution(photo, width, height))
        if frequencies is None:
            raise SkipError(f"{photo.name} is flat")
        for density in DENSITIES:
            grown = mask_of_density(frequencies, density, DILATION)
            grown.astype(np.uint8).tofile(folder / f"{width}x{height}_{density}.mask")


def kernels(photos: Path) -> Iterator[str]:
    """Time of every kernel beside its floor."""
    with tempfile.TemporaryDirectory() as folder:
        photo_masks(first_photo(photos), Path(folder))
        yield call(BUILD / "tests" / "cuda" / "amsr_cuda_benchmark", "--masks", folder)


def masked_times(table: str) -> dict[tuple[str, float], float]:
    """Milliseconds of the 64-channel MaskedConv2d by picture and density, out of the kernels' table."""
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines() if line.startswith("| ")]
    return {(row[1], float(row[2])): float(row[3]) for row in rows if row[0] == "MaskedConv2d 64 -> 64"}


def median_milliseconds(run: Callable[[], object], torch: Any, repeats: int = 20, batch: int = 10) -> float:
    """Median time of a run on the GPU, after two rounds that warm up."""
    times = []
    for _ in range(repeats + 2):
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        start.record()
        for _ in range(batch):
            run()
        end.record()
        end.synchronize()
        times.append(start.elapsed_time(end) / batch)
    return statistics.median(times[2:])


def against_cudnn(table: Callable[[], str]) -> Iterator[str]:
    """MaskedConv2d beside cuDNN's dense convolution, channels-last float16, through PyTorch."""
    torch = import_torch()
    times = masked_times(table())
    if not times:
        raise SkipError("the kernels' table has no MaskedConv2d to compare with")
    torch.backends.cudnn.benchmark = True
    yield "Target: masked / dense <= 1.25 x density. 64 channels, 3x3, float16.\n"
    yield "| picture | density | dense ms (cuDNN) | masked ms | masked / (density x dense) |\n|---|---|---|---|---|"
    for width, height in gpu_networks.SIZES:
        layer = torch.nn.Conv2d(64, 64, 3, padding=1).half().cuda().to(memory_format=torch.channels_last)
        image = torch.randn(1, 64, height, width, device="cuda", dtype=torch.float16)
        image = image.contiguous(memory_format=torch.channels_last)
        with torch.inference_mode():
            dense = median_milliseconds(lambda layer=layer, image=image: torch.relu_(layer(image)), torch)
        name = f"{width} x {height}"
        for (picture, density), masked in times.items():
            if picture == name:
                ratio = masked / (density * dense)
                yield f"| {name} | {density:.2f} | {dense:.4f} | {masked:.4f} | {ratio:.2f} |"


def import_torch() -> Any:
    if importlib.util.find_spec("torch") is None:
        raise SkipError("PyTorch is not installed")
    import torch

    if not torch.cuda.is_available():
        raise SkipError("this PyTorch sees no GPU")
    return torch


def rtx_engine() -> Iterator[str]:
    """What TensorRT for RTX itself says to an engine on this GPU, whether or not we would give it one."""
    try:
        flavour = load_flavour("tensorrt-rtx")
    except BackendError as reason:
        raise SkipError(str(reason)) from reason
    with tempfile.TemporaryDirectory() as folder:
        data = gpu_networks.build(shipped_model("fsrcnn"), flavour.name, Path(folder)).read_bytes()
    logger, log = logger_of(flavour.trt)
    runtime = flavour.trt.Runtime(logger)
    validity, diagnostics = runtime.get_engine_validity(data)
    loaded = runtime.deserialize_cuda_engine(data) is not None
    yield f"- validity of an engine: {validity.name} (diagnostics {diagnostics:#x})"
    fits = flavour.runs_on(find_gpu().compute_capability)
    yield f"- loaded: {'yes' if loaded else 'no'}; our own check: {'it fits' if fits else 'it does not fit'}"
    yield from (f"- it said: {line}" for line in [*log.errors, *log.warnings])


def networks(make_host: Callable[[], gpu_networks.Host], photos: Path) -> Iterator[str]:
    """Whole networks, masked and dense, in what runs them on the GPU."""
    try:
        host = make_host()
    except BackendError as reason:
        raise SkipError(str(reason)) from reason
    with tempfile.TemporaryDirectory() as folder:
        yield from gpu_networks.table(host, first_photo(photos), Path(folder))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path, help="folder of photos; the first one makes the masks")
    parser.add_argument("--output", type=Path, default=REPOSITORY / "build" / "benchmarks_gpu.md")
    parser.add_argument("--only", action="append", help="run the parts whose titles hold this; may be given again")
    arguments = parser.parse_args()
    try:
        name = query_gpu("name")
    except (SkipError, subprocess.CalledProcessError) as error:
        sys.exit(f"no GPU to measure on: {error}")
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    report = Report(arguments.output, [f"# {name}\n"])
    kernel_lines: list[str] = []

    def kernel_table() -> Iterator[str]:
        for text in kernels(arguments.photos):
            kernel_lines.append(text)
            yield text

    parts: dict[str, Callable[[], Iterator[str]]] = {
        "Machine": machine,
        "Build": build,
        "Operators against float64 references": operator_tests,
        "compute-sanitizer": sanitizers,
        "TensorRT plugins in their host": plugin_host,
        "Kernels": kernel_table,
        "MaskedConv2d against cuDNN": lambda: against_cudnn(lambda: "\n".join(kernel_lines)),
        "TensorRT for RTX on this GPU": rtx_engine,
    }
    for title, make_host in gpu_networks.hosts():
        parts[f"Whole networks, {title}"] = partial(networks, make_host, arguments.photos)
    for title, run in parts.items():
        if not arguments.only or any(word in title for word in arguments.only):
            report.part(title, run)
    print(f"\nwritten to {arguments.output}")
    sys.exit(1 if report.failed else 0)


if __name__ == "__main__":
    main()
