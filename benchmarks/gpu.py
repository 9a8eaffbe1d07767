"""Everything that only a GPU can say: the kernels' tests, sanitizers, the TensorRT plugins' host, and all timings.

    python benchmarks/gpu.py ../shared/data/large2k --output build/benchmarks_gpu.md

Builds for the GPU of this machine, runs each part, and writes one Markdown file with what docs/benchmarks.md needs.
What cannot run here is skipped, and the file says what and why. Ends with 1 where a test fails.

Needs an NVIDIA GPU, a CUDA toolkit (nvcc, compute-sanitizer) and CMake; for the comparisons PyTorch with CUDA and
onnxruntime-gpu.
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
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from amsr_deploy import mask

REPOSITORY = Path(__file__).resolve().parent.parent
BUILD = REPOSITORY / "build" / "gpu"
SIZES = ((512, 270), (960, 540), (1920, 1080))
"""Width and height of the low-resolution pictures of 2K, 4K and 8K."""
DENSITIES = (0.2, 0.3, 0.4, 0.5, 0.6)
BACKBONES = ("fsrcnn", "carn", "srresnet", "swinir")
TESTS = ("rows", "convolution", "mask", "window_layer")
DILATION = 5
SCALE = 4


class SkipError(Exception):
    """A part cannot run on this machine; the message says why."""


@dataclass
class Report:
    """The Markdown that is written, and whether a test failed."""

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
        except OSError as error:  # a program that an earlier part did not build
            self.failed = True
            self.add(f"FAILED: {error}")


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
    yield f"- commit: {call('git', 'rev-parse', 'HEAD').strip()}"


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


def photo_masks(photos: Path, folder: Path) -> None:
    """Masks of a photo at every size and density, as amsr_cuda_benchmark reads them."""
    paths = sorted(path for path in photos.iterdir() if path.is_file())
    if not paths:
        raise SkipError(f"{photos} holds no photos")
    for width, height in SIZES:
        frequencies = mask.high_frequencies(low_resolution(paths[0], width, height))
        if frequencies is None:
            raise SkipError(f"{paths[0].name} is flat")
        for density in DENSITIES:
            mask_of_density(frequencies, density).astype(np.uint8).tofile(folder / f"{width}x{height}_{density}.mask")


def low_resolution(path: Path, width: int, height: int) -> NDArray[np.float32]:
    """A photo cut to the aspect ratio and resized: [height, width, 3] in [0, 1]."""
    with Image.open(path) as picture:
        upright = ImageOps.exif_transpose(picture).convert("RGB")
    fitted = ImageOps.fit(upright, (width, height), Image.Resampling.BICUBIC)
    return np.asarray(fitted, dtype=np.float32) / 255


def mask_of_density(frequencies: NDArray[np.float32], density: float) -> NDArray[np.bool_]:
    """The dilated mask whose threshold leaves this share of pixels, found by bisection."""
    low, high = 0.0, 1.0
    for _ in range(20):
        threshold = (low + high) / 2
        grown = mask.dilate(frequencies > threshold, DILATION)
        low, high = (threshold, high) if grown.mean() > density else (low, threshold)
    return grown


def kernels(photos: Path) -> Iterator[str]:
    """Time of every kernel beside its floor."""
    with tempfile.TemporaryDirectory() as folder:
        photo_masks(photos, Path(folder))
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
    for width, height in SIZES:
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


def networks(photos: Path) -> Iterator[str]:
    """Whole networks in ONNX Runtime's CUDA provider, masked and dense, image and result on the GPU."""
    import onnxruntime as ort

    from amsr_deploy.runtime import native

    if "CUDAExecutionProvider" not in ort.get_available_providers():
        raise SkipError("this ONNX Runtime has no CUDA provider; install onnxruntime-gpu")
    if importlib.util.find_spec("torch") is not None:
        ort.preload_dlls()
    paths = sorted(path for path in photos.iterdir() if path.is_file())
    yield "float16 inside; medians of 20 runs. Share: masked pixels (kept windows) of the photo's own mask.\n"
    yield "| backbone | picture | share | dense ms | masked ms | masked / dense |\n|---|---|---|---|---|---|"
    with tempfile.TemporaryDirectory() as folder:
        for backbone in BACKBONES:
            masked, dense = (export(backbone, Path(folder), kind) for kind in ((), ("--dense",)))
            for width, height in SIZES:
                whole = height // 8 * 8 if backbone == "swinir" else height
                image = low_resolution(paths[0], width, whole)
                selection, share = selection_of(backbone, image)
                feed = {"image": image.transpose(2, 0, 1)[None].copy()}
                options = ort.SessionOptions()
                options.log_severity_level = 3
                native.register(options)
                try:
                    times = [
                        session_milliseconds(ort, options, model, inputs)
                        for model, inputs in ((dense, feed), (masked, feed | selection))
                    ]
                except Exception as error:  # ONNX Runtime raises bare exceptions of many private types
                    yield f"| {backbone} | {width} x {whole} | {share:.2f} | {str(error).splitlines()[0]} | | |"
                    continue
                figures = " | ".join(f"{x:.2f}" for x in (share, *times, times[1] / times[0]))
                yield f"| {backbone} | {width} x {whole} | {figures} |"


def export(backbone: str, folder: Path, kind: Sequence[str]) -> Path:
    path = folder / f"{backbone}{''.join(kind)}.onnx"
    call(sys.executable, "-m", "amsr_deploy", "export", "--backbone", backbone, "--fp16", *kind, "--output", path)
    return path


def selection_of(backbone: str, image: NDArray[np.float32]) -> tuple[dict[str, NDArray[np.int64]], float]:
    """The inputs that select what a masked network computes, and the share of it."""
    from amsr_deploy.descriptor import describe

    descriptor = describe(backbone)
    pixels = mask.compute_mask(image, descriptor.dilation).pixels
    if backbone != "swinir":
        return {"index": mask.pixel_index(pixels)}, float(pixels.mean())
    size = descriptor.window_size
    kept = [mask.keep_windows(pixels, size, descriptor.threshold, shift) for shift in (0, size // 2)]
    selection = {name: np.flatnonzero(k) for name, k in zip(("windows", "shifted_windows"), kept, strict=True)}
    return selection, float(np.mean(kept))


def session_milliseconds(ort: Any, options: Any, model: Path, feed: dict[str, NDArray]) -> float:
    """Median time of a run whose inputs and output stay on the GPU; every node runs there."""
    import time

    session = ort.InferenceSession(model, options, providers=["CUDAExecutionProvider", "CPUExecutionProvider"])
    if session.get_providers()[0] != "CUDAExecutionProvider":
        raise RuntimeError("ONNX Runtime could not start its CUDA provider")
    binding = session.io_binding()
    for name, value in feed.items():
        binding.bind_ortvalue_input(name, ort.OrtValue.ortvalue_from_numpy(value, "cuda", 0))
    binding.bind_output("sr", "cuda")
    times = []
    for _ in range(23):
        binding.synchronize_inputs()
        start = time.perf_counter()
        session.run_with_iobinding(binding)
        binding.synchronize_outputs()
        times.append(1e3 * (time.perf_counter() - start))
    return statistics.median(times[3:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path, help="folder of photos; the first one makes the masks")
    parser.add_argument("--output", type=Path, default=REPOSITORY / "build" / "benchmarks_gpu.md")
    arguments = parser.parse_args()
    try:
        name = query_gpu("name")
    except (SkipError, subprocess.CalledProcessError) as error:
        sys.exit(f"no GPU to measure on: {error}")
    report = Report([f"# {name}\n"])
    kernel_lines: list[str] = []

    def kernel_table() -> Iterator[str]:
        for text in kernels(arguments.photos):
            kernel_lines.append(text)
            yield text

    report.part("Machine", machine)
    report.part("Build", build)
    report.part("Operators against float64 references", operator_tests)
    report.part("compute-sanitizer", sanitizers)
    report.part("TensorRT plugins in their host", plugin_host)
    report.part("Kernels", kernel_table)
    report.part("MaskedConv2d against cuDNN", lambda: against_cudnn(lambda: "\n".join(kernel_lines)))
    report.part("Whole networks, ONNX Runtime CUDA", lambda: networks(arguments.photos))
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text("\n".join(report.lines) + "\n", encoding="utf-8")
    print(f"\nwritten to {arguments.output}")
    sys.exit(1 if report.failed else 0)


if __name__ == "__main__":
    main()
