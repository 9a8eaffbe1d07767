"""The device and the precision of a training."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from amsr_deploy.descriptor import PrecisionChoice
from amsr_deploy.errors import BackendError, UserError
from amsr_deploy.training.distributed import World

CPU_BFLOAT16 = ("amx_bf16", "avx512_bf16", "bf16")
"""Names of CPU features that compute in bfloat16."""


def select_device(name: str, world: World) -> torch.device:
    """Choose the device of a process.

    Args:
        name: `auto`, `cpu`, `cuda` or `cuda:N`; without a number each process of a machine takes a GPU of its own.
        world: the process among the others.

    Raises:
        UserError: another kind of device, or one GPU for several processes.
        BackendError: a GPU was asked for and is not there.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    kind, _, number = name.partition(":")
    if kind not in ("cpu", "cuda") or (number and not number.isdecimal()):
        raise UserError(f"unknown device {name!r}; use auto, cpu, cuda or cuda:N")
    if number and world.size > 1:
        raise UserError(f"{name} is one GPU for {world.size} processes; set `device` to cuda, which gives each its own")
    if kind == "cpu":
        return torch.device("cpu")
    device = torch.device("cuda", int(number) if number else world.local_rank)
    count = torch.cuda.device_count()
    if device.index >= count:
        raise BackendError(f"{device} is not there: PyTorch {torch.__version__} sees {count} GPUs; set `device` to cpu")
    return device


def select_precision(name: PrecisionChoice, device: torch.device) -> torch.dtype:
    """Choose the type that the forward pass computes in, bfloat16 or float32.

    Raises:
        BackendError: bfloat16 was asked for and the device only emulates it.
    """
    able = has_bfloat16(device)
    if name == "bfloat16" and not able:
        raise BackendError(f"{device} does not compute in bfloat16; set `precision` to float32")
    return torch.bfloat16 if able and name != "float32" else torch.float32


def has_bfloat16(device: torch.device) -> bool:
    """Tell whether a device computes in bfloat16 itself."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    features: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    return any(bool(features.get(name)) for name in CPU_BFLOAT16)


def tune(device: torch.device) -> None:
    """Make PyTorch faster on a GPU: TF32, and the fastest algorithm for the fixed shapes of a training."""
    if device.type == "cuda":
        torch.cuda.set_device(device)
        torch.set_float32_matmul_precision("high")
        torch.backends.cudnn.allow_tf32 = True
        torch.backends.cudnn.benchmark = True


@contextmanager
def full_precision() -> Iterator[None]:
    """Compute in float32 without TF32, and without the search for the fastest algorithm at each new size."""
    precision = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        with torch.backends.cudnn.flags(enabled=True, benchmark=False, allow_tf32=False):
            yield
    finally:
        torch.set_float32_matmul_precision(precision)


def is_compile_failure(error: BaseException) -> bool:
    """Tell whether torch.compile failed, as without Triton or a C compiler, and not the code that it compiles."""
    return type(error).__module__.startswith(("torch._dynamo", "torch._inductor"))


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether memory was too small, that of a GPU or that of the processor."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "DefaultCPUAllocator" in str(error)
