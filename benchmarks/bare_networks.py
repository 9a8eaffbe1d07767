"""Whole networks on a GPU with PyTorch and our kernels alone: masked, beside the dense network in PyTorch.

    python benchmarks/bare_networks.py LIBRARY PHOTO [--backbone disp]

LIBRARY is libamsr_cuda_kernels.so (plugins/c_api). Prints rows of a Markdown table; ends with 1 where a result is
wrong.
"""

from __future__ import annotations

import argparse
import copy
import importlib.util
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # a bare machine has no installed package

import torch
from cases import Case, make_case
from cuda_kernels import CudaKernels
from cuda_timing import Captured, milliseconds
from onnx_file import read_graph
from photo import SIZES
from torch import Tensor
from walker import Walker

from amsr_deploy.model_file import read_metadata
from amsr_deploy.models import Network
from amsr_deploy.models.checkpoint import read_network
from amsr_deploy.runtime.shipped import shipped_model, shipped_weights

NETWORKS = ("disp", "srresnet", "swinir", "carn", "fsrcnn")
SIZE_4K, SMALL = SIZES[1], (96, 64)
TOLERANCE = {torch.float16: 2e-2, torch.float32: 5e-4}
"""Of a result in [0, 1]; convolutions of cuDNN, Winograd's among them, round as well."""
HEADER = (
    "| network | type | share | MACs | dense ms | masked ms | masked / dense | off by, small | off by, 4K |\n"
    "|---|---|---|---|---|---|---|---|---|"
)
LEGEND = (
    "Picture of {} x {}, whole windows of it in SwinIR, x4 to 4K; on the GPU before and after, captured as a CUDA "
    "graph, medians. Dense: PyTorch, channels-last, cudnn.benchmark, no TF32. Masked: without making the mask. Share: "
    "masked pixels (kept windows). MACs: share of the dense network's. Off by: largest difference in [0, 1] at {} x {} "
    "from the CPU (ONNX Runtime, else PyTorch), and at 4K with everything masked from the dense network in float32."
)


def inputs_on(device: str, case: Case) -> dict[str, Tensor]:
    """Put a network's inputs on a device."""
    return {name: torch.from_numpy(value).to(device) for name, value in {"image": case.image, **case.selection}.items()}


def load_network(backbone: str, scale: int) -> Network:
    """Load the shipped network in PyTorch, float32 on the CPU."""
    return read_network(shipped_weights(backbone, scale), backbone, scale).eval().requires_grad_(False)


def expected(backbone: str, network: Network, case: Case) -> Tensor:
    """Compute what the masked network gives on the CPU in float32: by the shipped model, or else by the reference."""
    if importlib.util.find_spec("onnxruntime") is None:
        return network.forward_compact(**inputs_on("cpu", case))
    import onnxruntime

    session = onnxruntime.InferenceSession(shipped_model(backbone), providers=["CPUExecutionProvider"])
    (result,) = session.run(None, {name: value.numpy() for name, value in inputs_on("cpu", case).items()})
    return torch.from_numpy(result)


class Dense:
    """The dense network in PyTorch."""

    def __init__(self, network: Network, dtype: torch.dtype, device: str) -> None:
        self._network = copy.deepcopy(network).to(device, dtype, memory_format=torch.channels_last)
        self._dtype = dtype

    def __call__(self, image: Tensor) -> Tensor:
        """Upscale [1, 3, H, W] float32 -> [1, 3, sH, sW] float32, as a model file does it."""
        image = image.to(self._dtype, memory_format=torch.channels_last)
        return self._network.forward_dense(image).float().contiguous()


def difference(a: Tensor, b: Tensor) -> float:
    return float((a.cpu() - b.cpu()).abs().max())


@dataclass(frozen=True)
class Row:
    """What a network gave in one type.

    Attributes:
        times: milliseconds, "dense" and "masked".
        off_small: largest difference from the CPU on a small picture.
        off_4k: from the dense network in float32, everything masked.
        off_captured: of the captured run from the same run uncaptured, which must be 0.
    """

    backbone: str
    dtype: torch.dtype
    density: float
    macs: float
    times: dict[str, float]
    off_small: float
    off_4k: float
    off_captured: float

    def is_right(self) -> bool:
        return max(self.off_small, self.off_4k) <= TOLERANCE[self.dtype] and self.off_captured == 0

    def __str__(self) -> str:
        dense, masked = self.times["dense"], self.times["masked"]
        wrong = "" if self.is_right() else f" WRONG (captured: off by {self.off_captured:.1e})"
        return (
            f"| {self.backbone} | {str(self.dtype).removeprefix('torch.')} | {self.density:.2f} | {self.macs:.2f} "
            f"| {dense:.3f} | {masked:.3f} | {masked / dense:.2f} | {self.off_small:.1e} | {self.off_4k:.1e} |{wrong}"
        )


def measure(backbone: str, kernels: CudaKernels, photo: Path, device: str = "cuda") -> Iterator[Row]:
    """Measure a network in each type."""
    model = shipped_model(backbone)
    metadata, graph = read_metadata(model), read_graph(model)
    network = load_network(backbone, metadata.scale)
    small, case = make_case(photo, SMALL, metadata), make_case(photo, SIZE_4K, metadata)
    everything = inputs_on(device, make_case(photo, SIZE_4K, metadata, everything=True))
    inputs, on_cpu = inputs_on(device, case), expected(backbone, network, small)
    exact = Dense(network, torch.float32, device)(everything["image"])
    for dtype in TOLERANCE:
        walker, dense = Walker(graph, kernels, dtype, device), Dense(network, dtype, device)
        off_small = difference(walker(inputs_on(device, small)), on_cpu)
        off_4k = difference(walker(everything), exact)
        eager = walker(inputs)
        works = {"dense": Captured(partial(dense, inputs["image"])), "masked": Captured(partial(walker, inputs))}
        times = milliseconds(works)
        off_captured = difference(works["masked"].result, eager)
        share = metadata.cost.share(case.density)
        yield Row(backbone, dtype, case.density, share, times, off_small, off_4k, off_captured)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("library", type=Path)
    parser.add_argument("photo", type=Path)
    parser.add_argument("--backbone", choices=NETWORKS, action="append", help="may be given again; all without it")
    arguments = parser.parse_args()
    if not torch.cuda.is_available():
        sys.exit("PyTorch sees no GPU here")
    torch.backends.cudnn.benchmark = True
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    kernels = CudaKernels(arguments.library)
    all_right = True
    with torch.inference_mode():
        for backbone in arguments.backbone or NETWORKS:
            for row in measure(backbone, kernels, arguments.photo):
                print(row, flush=True)
                all_right &= row.is_right()
    sys.exit(0 if all_right else 1)


if __name__ == "__main__":
    main()
