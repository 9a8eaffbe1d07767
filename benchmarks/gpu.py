"""Everything that only a GPU can say: the kernels' tests, the TensorRT plugins' host, all timings, sanitizers.

    python benchmarks/gpu.py [PHOTOS] [--minutes 4] [--output build/benchmarks_gpu.md]

Takes the programs that benchmarks/pack_gpu.sh made for this kind of GPU, or builds them, runs each part, and writes one
Markdown file with what docs/benchmarks.md needs. What cannot run here is skipped, and the file says what and why. Each
part ends in its share of the minutes; what a part leaves, the next ones have. Ends with 1 where a test fails, and where
there is no GPU.

Needs an NVIDIA GPU, NumPy, Pillow and, without the pack, a CUDA toolkit and CMake; for whole networks PyTorch with CUDA
and safetensors, or onnxruntime-gpu; for engines TensorRT, in either edition or both, and PyCUDA or cuda-bindings.
Building engines takes more than 4 minutes.
"""

from __future__ import annotations

import argparse
import ctypes
import importlib.util
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from gpu_report import (
    CLOCK,
    REPOSITORY,
    Part,
    Report,
    SkipError,
    WrongError,
    call,
    describe,
    find,
    installed,
    run_parts,
    said,
)
from photo import SIZES, photo_of_size

sys.path.insert(0, str(REPOSITORY))  # a bare machine has no installed package

from amsr_deploy import mask
from amsr_deploy.errors import BackendError
from amsr_deploy.evaluation.bench.densities import mask_of_density

if TYPE_CHECKING:
    from gpu_networks import Host

BUILD = REPOSITORY / "build" / "gpu"
PACK = REPOSITORY / "build" / "gpu_pack"
KERNELS = BUILD / "c_api" / "libamsr_cuda_kernels.so"
PLUGINS = BUILD / "tensorrt" / "libamsr_tensorrt.so"
PLUGIN_HOST = BUILD / "tests" / "plugin_host" / "amsr_plugin_host"
PROFILED = "regex:gemm_float16"
SECTIONS = ("SpeedOfLight", "MemoryWorkloadAnalysis", "WarpStateStats", "Occupancy")
"""What Nsight Compute says of a kernel: which unit limits it, and what its warps wait for."""
PROFILED_LAUNCHES = 12
DENSITIES = (0.2, 0.3, 0.4, 0.5, 0.6)
TESTS = ("rows", "convolution", "mask", "window_layer")
SANITIZERS = ("memcheck", "racecheck", "initcheck", "synccheck")
AT_ONCE = 4
SKIPPED = 77
"""What a test program returns where it finds no GPU."""
DILATION = 5
COPIED = 64 << 20
"""Bytes that are copied to the GPU and back."""
MOST_OF_A_NETWORK = 0.5
"""Share of the time left to the networks that one may take: one that hangs leaves some to the others."""


def query_gpu(what: str) -> str:
    return call(find("nvidia-smi"), f"--query-gpu={what}", "--format=csv,noheader").splitlines()[0].strip()


def machine() -> Iterator[str]:
    yield f"- GPU: {query_gpu('name')}, driver {query_gpu('driver_version')}, {query_gpu('memory.total')}"
    yield f"- clocks (SM, memory; now and at most): {query_gpu('clocks.sm,clocks.mem,clocks.max.sm,clocks.max.mem')}"
    nvcc = installed("nvcc")
    yield f"- nvcc: {call(nvcc, '--version').splitlines()[-2] if nvcc else 'not installed'}"
    for package in ("torch", "onnxruntime"):
        found = importlib.util.find_spec(package) is not None
        yield f"- {package}: {importlib.import_module(package).__version__ if found else 'not installed'}"
    yield f"- commit: {commit()}"


def commit() -> str:
    """Describe the commit that is measured, where this is a clone."""
    try:
        return call("git", "rev-parse", "HEAD").strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def build() -> Iterator[str]:
    """Find the programs for this GPU: those of the pack where they run, else build them here."""
    architecture = query_gpu("compute_cap").replace(".", "")
    pack = PACK / f"sm_{architecture}.tar.xz"
    if pack.is_file():
        with tarfile.open(pack) as archive:
            archive.extractall(BUILD, filter="data")
        try:
            ctypes.CDLL(str(KERNELS))
        except OSError as error:
            yield f"The pack does not run here: {error}."
        else:
            install_operators()
            yield f"Unpacked {pack.name}."
            return
    has_headers = bool(os.environ.get("TENSORRT_INCLUDE_DIR"))
    call(
        *("cmake", "-S", "plugins", "-B", BUILD, *(("-G", "Ninja") if shutil.which("ninja") else ())),
        *("-DCMAKE_BUILD_TYPE=Release", "-DAMSR_CUDA=ON", "-DAMSR_TESTS=ON"),
        *(f"-DCMAKE_CUDA_ARCHITECTURES={architecture}", f"-DCMAKE_CUDA_COMPILER={find('nvcc')}"),
        f"-DAMSR_TENSORRT={'ON' if has_headers else 'OFF'}",
    )
    targets = [*(f"test_cuda_{test}" for test in TESTS), "amsr_cuda_benchmark", "amsr_cuda_kernels", "amsr_onnxruntime"]
    call("cmake", "--build", BUILD, "--parallel", "--target", *targets, *(["amsr_plugin_host"] * has_headers))
    install_operators()
    yield f"Built for sm_{architecture}."


def install_operators() -> None:
    """Put the library of ONNX Runtime's operators, on the CPU and with CUDA, where the package looks for it."""
    shutil.copy(BUILD / "onnxruntime" / "libamsr_onnxruntime.so", REPOSITORY / "amsr_deploy" / "native")


def operator_test(name: str) -> Path:
    """Find a test of the kernels.

    Raises:
        SkipError: it was neither unpacked nor built.
    """
    return program(BUILD / "tests" / "cuda" / f"test_cuda_{name}")


def program(path: Path) -> Path:
    """Find a program of ours.

    Raises:
        SkipError: it was neither unpacked nor built.
    """
    if not path.is_file():
        raise SkipError(f"there is no {path.name}")
    return path


def operator_tests() -> Iterator[str]:
    """Compare every kernel with a float64 reference."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        runs = {name: pool.submit(call, operator_test(name)) for name in TESTS}
    wrong = []
    for name, run in runs.items():
        error = run.exception()
        if error is None:
            yield f"- {name}: all results are right"
        elif isinstance(error, subprocess.CalledProcessError) and error.returncode == SKIPPED:
            yield f"- {name}: {error.stdout.strip()}"
        else:
            wrong.append(name)
            yield f"- {name}: {describe(error)}"
    if wrong:
        raise WrongError(", ".join(wrong))


def sanitize(sanitizer: str, tool: str, test: str) -> tuple[str, bool]:
    """Run compute-sanitizer on a test: what it says, and whether that is an error; one out of time is none."""
    if CLOCK.is_over():
        return f"- {tool}, {test}: not run, no time was left", False
    try:
        said_last = call(sanitizer, "--tool", tool, "--error-exitcode", "1", operator_test(test))
    except subprocess.TimeoutExpired:
        return f"- {tool}, {test}: not finished in its time", False
    except subprocess.CalledProcessError as error:
        return f"- {tool}, {test}: {describe(error)}", True
    return f"- {tool}, {test}: {said_last.strip().splitlines()[-1].lstrip('= ')}", False


def sanitizers() -> Iterator[str]:
    """Run compute-sanitizer on every test of the kernels."""
    sanitizer = find("compute-sanitizer")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        runs = [pool.submit(sanitize, sanitizer, tool, test) for tool in SANITIZERS for test in TESTS]
        results = [run.result() for run in runs]
    yield from (text for text, _ in results)
    if any(is_error for _, is_error in results):
        raise WrongError("compute-sanitizer found errors")


def plugin_host() -> Iterator[str]:
    """Run the TensorRT plugins, enqueue included."""
    if not PLUGIN_HOST.is_file():
        raise SkipError("the plugins were not built: set TENSORRT_INCLUDE_DIR to the folder of TensorRT's headers")
    yield f"```\n{call(PLUGIN_HOST, PLUGINS).strip()}\n```"


def runtime_memory() -> Iterator[str]:
    """Copy to the GPU and back through what engines run with, at once and as a CUDA graph."""
    from amsr_deploy.runtime.backends.gpu import find_gpu
    from amsr_deploy.runtime.backends.tensorrt.cuda import describe, open_cuda

    try:
        cuda = open_cuda()
    except BackendError as reason:
        raise SkipError(str(reason)) from reason
    yield f"- {find_gpu()}; {describe()}"
    random = np.random.default_rng(0)
    with cuda.active():
        stream, memory = cuda.stream(), cuda.allocate(COPIED)
        source, target = cuda.allocate_host(COPIED), cuda.allocate_host(COPIED)

        def there_and_back() -> None:
            cuda.upload(memory, source, stream)
            cuda.download(target, memory, stream)

        def check(way: str) -> str:
            cuda.synchronize(stream)
            if not np.array_equal(source, target):
                raise WrongError(f"{way}: other bytes came back")
            return f"- {way}: {COPIED >> 20} MiB came back as they went"

        source[:] = random.integers(0, 256, COPIED)
        there_and_back()
        yield check("copies")
        graph = cuda.capture(stream, there_and_back)
        source[:] = random.integers(0, 256, COPIED)
        graph.launch(stream)
        yield check("copies as a CUDA graph")
        graph.free()
        for array in (source, target):
            cuda.free_host(array)
        memory.free()
        stream.free()


def bare_networks(photos: Path | None) -> Iterator[str]:
    """Run whole networks with PyTorch and our kernels alone, each in its own process, so that one may fail alone."""
    import_torch()
    if importlib.util.find_spec("safetensors") is None:
        raise SkipError("safetensors is not installed")
    import bare_networks

    yield bare_networks.LEGEND.format(*SIZES[1], *bare_networks.SMALL) + "\n"
    yield bare_networks.HEADER
    script, errors = Path(bare_networks.__file__), []
    for name in bare_networks.NETWORKS:
        arguments = (program(KERNELS), photo_of(photos), "--backbone", name)
        try:
            yield call(sys.executable, script, *arguments, share=MOST_OF_A_NETWORK).strip()
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            errors.append(f"{name}\n\n{describe(error)}")
    if errors:
        raise WrongError("\n\n".join(errors))


def photo_of(photos: Path | None) -> Path:
    """Choose the photo that all parts use: the first of a folder; else that of the pack, or a small one."""
    if photos is None:
        packed = PACK / "photo.png"
        return packed if packed.is_file() else REPOSITORY / "examples" / "osprey.png"
    if photos.is_file():
        return photos
    paths = sorted(path for path in photos.iterdir() if path.is_file())
    if not paths:
        raise SkipError(f"{photos} holds no photos")
    return paths[0]


def photo_masks(photo: Path, folder: Path) -> None:
    """Write the masks of a photo at every size and density, as amsr_cuda_benchmark reads them."""
    for width, height in SIZES:
        frequencies = mask.high_frequencies(photo_of_size(photo, width, height))
        if frequencies is None:
            raise SkipError(f"{photo.name} is flat")
        for density in DENSITIES:
            grown = mask_of_density(frequencies, density, DILATION)
            grown.astype(np.uint8).tofile(folder / f"{width}x{height}_{density}.mask")


def kernels(photos: Path | None) -> Iterator[str]:
    """Time of every kernel beside its floor."""
    benchmark = program(BUILD / "tests" / "cuda" / "amsr_cuda_benchmark")
    with tempfile.TemporaryDirectory() as folder:
        photo_masks(photo_of(photos), Path(folder))
        try:
            yield call(benchmark, "--masks", folder, "--repeats", "7")
        except subprocess.TimeoutExpired as error:
            yield f"{said(error)}\nCut here: the time was over."


def masked_times(table: str) -> dict[tuple[str, float], float]:
    """Read the milliseconds of the 64-channel MaskedConv2d by picture and density, out of the kernels' table."""
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines() if line.startswith("| ")]
    return {(row[1], float(row[2])): float(row[3]) for row in rows if row[0] == "MaskedConv2d 64 -> 64"}


def profile() -> Iterator[str]:
    """Let Nsight Compute say what limits the convolutions on tensor cores."""
    sections = [word for section in SECTIONS for word in ("--section", section)]
    launches = ("--kernel-name", PROFILED, "--launch-count", str(PROFILED_LAUNCHES))
    benchmark = program(BUILD / "tests" / "cuda" / "amsr_cuda_benchmark")
    yield f"```\n{call(find('ncu'), *sections, *launches, benchmark, '--repeats', '1').strip()}\n```"


def against_cudnn(table: Callable[[], str]) -> Iterator[str]:
    """Compare MaskedConv2d with the faster of two dense ones of cuDNN, channels-last float16, through PyTorch."""
    torch = import_torch()
    import cuda_timing

    times = masked_times(table())
    if not times:
        raise SkipError("the kernels' table has no MaskedConv2d to compare with")
    torch.backends.cudnn.benchmark = True
    yield "Target: masked / dense <= 1.25 x density, where dense is the faster one. 64 channels, 3x3, float16.\n"
    yield "Passes: cuDNN's convolution, then bias and ReLU as kernels of their own. Fused: one call of cuDNN.\n"
    yield "| picture | density | passes ms | fused ms | masked ms | masked / (density x dense) |"
    yield "|---|---|---|---|---|---|"
    for width, height in SIZES:
        layer = torch.nn.Conv2d(64, 64, 3, padding=1).half().cuda().to(memory_format=torch.channels_last)
        image = torch.randn(1, 64, height, width, device="cuda", dtype=torch.float16)
        image = image.contiguous(memory_format=torch.channels_last)
        with torch.inference_mode():
            works = {
                name: cuda_timing.Captured(partial(run, layer, image))
                for name, run in (("passes", convolve_in_passes), ("fused", convolve_fused))
            }
            dense = cuda_timing.milliseconds(works)
        name = f"{width} x {height}"
        for (picture, density), masked in times.items():
            if picture == name:
                ratio = masked / (density * min(dense.values()))
                both = f"{dense['passes']:.4f} | {dense['fused']:.4f}"
                yield f"| {name} | {density:.2f} | {both} | {masked:.4f} | {ratio:.2f} |"


def convolve_in_passes(layer: Any, image: Any) -> Any:
    """Run a layer of PyTorch, and ReLU after it."""
    return layer(image).relu_()


def convolve_fused(layer: Any, image: Any) -> Any:
    """Run a layer with its bias and ReLU in one call of cuDNN, as MaskedConv2d has them."""
    import torch

    where = (layer.stride, layer.padding, layer.dilation, layer.groups)
    return torch.cudnn_convolution_relu(image, layer.weight, layer.bias, *where)


def import_torch() -> Any:
    if importlib.util.find_spec("torch") is None:
        raise SkipError("PyTorch is not installed")
    import torch

    if not torch.cuda.is_available():
        raise SkipError("this PyTorch sees no GPU")
    return torch


def rtx_engine() -> Iterator[str]:
    """Report what TensorRT for RTX itself says to an engine on this GPU, whether or not we would give it one."""
    from amsr_deploy.runtime.backends.gpu import find_gpu
    from amsr_deploy.runtime.backends.tensorrt.edition import load_edition
    from amsr_deploy.runtime.backends.tensorrt.log import start
    from amsr_deploy.runtime.shipped import shipped_model

    try:
        edition = load_edition("tensorrt-rtx")
    except BackendError as reason:
        raise SkipError(str(reason)) from reason
    import gpu_networks

    with tempfile.TemporaryDirectory() as folder:
        data = gpu_networks.build(shipped_model("fsrcnn"), edition.name, Path(folder)).read_bytes()
    runtime, log = start(edition, edition.trt.Runtime)
    validity, diagnostics = runtime.get_engine_validity(data)
    loaded = runtime.deserialize_cuda_engine(data) is not None
    yield f"- validity of an engine: {validity.name} (diagnostics {diagnostics:#x})"
    fits = edition.runs_on(find_gpu().compute_capability)
    yield f"- loaded: {'yes' if loaded else 'no'}; our own check: {'it fits' if fits else 'it does not fit'}"
    yield from (f"- it said: {line}" for line in [*log.errors, *log.warnings])


def networks(make_host: Callable[[], Host], photos: Path | None) -> Iterator[str]:
    """Time whole networks, masked and dense, in what runs them on the GPU."""
    import gpu_networks

    try:
        host = make_host()
    except BackendError as reason:
        raise SkipError(str(reason)) from reason
    with tempfile.TemporaryDirectory() as folder:
        for text in gpu_networks.table(host, photo_of(photos), Path(folder)):
            yield text
            if CLOCK.is_over():
                raise SkipError("the time is over; give more with --minutes")


def not_installed(error: ImportError) -> Iterator[str]:
    raise SkipError(str(error)) from error
    yield


def make_parts(photos: Path | None) -> list[Part]:
    """List all parts in the order in which they matter."""
    table: list[str] = []

    def kernel_table() -> Iterator[str]:
        for text in kernels(photos):
            table.append(text)
            yield text

    return [
        Part("Machine", machine, 1),
        Part("Build", build, 24),
        Part("Operators against float64 references", operator_tests, 10),
        Part("TensorRT plugins in their host", plugin_host, 5),
        Part("Copies, as the runtime makes them", runtime_memory, 1),
        Part("Whole networks, PyTorch and our kernels", partial(bare_networks, photos), 30),
        Part("Kernels", kernel_table, 10),
        Part("MaskedConv2d against cuDNN", lambda: against_cudnn(lambda: "\n".join(table)), 2),
        Part("Profile of the convolutions", profile, 2),
        Part("TensorRT for RTX on this GPU", rtx_engine, 1),
        *(Part(f"Whole networks, {title}", run, 2) for title, run in host_parts(photos)),
        Part("compute-sanitizer", sanitizers, 15),
    ]


def host_parts(photos: Path | None) -> Iterator[tuple[str, Callable[[], Iterator[str]]]]:
    """List the parts for ONNX Runtime and TensorRT, as far as these are installed."""
    try:
        import gpu_networks
    except ImportError as error:
        yield "ONNX Runtime CUDA and TensorRT", partial(not_installed, error)
        return
    for title, make_host in gpu_networks.hosts():
        yield title, partial(networks, make_host, photos)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path, nargs="?", help="a photo, or a folder whose first one is taken")
    parser.add_argument("--output", type=Path, default=REPOSITORY / "build" / "benchmarks_gpu.md")
    parser.add_argument("--minutes", type=float, default=4, help="time for all parts together (default: %(default)s)")
    parser.add_argument("--only", action="append", help="run the parts whose titles hold this; may be given again")
    arguments = parser.parse_args()
    parts = [
        part
        for part in make_parts(arguments.photos)
        if not arguments.only or any(word in part.title for word in arguments.only)
    ]
    try:
        name = query_gpu("name")
    except (SkipError, subprocess.CalledProcessError) as error:
        not_run = "\n".join(f"  not run: {part.title}" for part in parts)
        sys.exit(f"no GPU to measure on: {error}\n{not_run}")
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    report = Report(arguments.output, [f"# {name}\n"])
    run_parts(parts, report, arguments.minutes)
    print(f"\nwritten to {arguments.output}")
    sys.exit(1 if report.failed else 0)


if __name__ == "__main__":
    main()
