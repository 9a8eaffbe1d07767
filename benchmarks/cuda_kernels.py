"""The CUDA kernels on PyTorch tensors, through their C interface (plugins/c_api): no TensorRT, no ONNX Runtime.

Results are new tensors where PyTorch puts them, and kernels run on PyTorch's current stream, so `torch.cuda.graph`
captures them. Over the emulated kernels the same calls work on tensors of the CPU.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from ctypes import POINTER, Structure, byref, c_char_p, c_float, c_int, c_int64, c_void_p
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

ALIGNMENT = 16


class ConvolutionShape(Structure):
    """As in plugins/kernels/cuda/convolution.h."""

    _fields_ = [(name, c_int64) for name in ("outputs", "inputs", "groups", "kernel_size", "upscale")]


class WindowLayerShape(Structure):
    """As in plugins/kernels/cuda/windows.h."""

    _fields_ = [(name, c_int64) for name in ("channels", "hidden", "heads", "window_size")]


class WindowGrid(Structure):
    """As in plugins/kernels/cuda/windows.h."""

    _fields_ = [(name, c_int64) for name in ("height", "width", "window_size", "shift")]


_CONVOLUTION, _LAYER, _POINTERS = POINTER(ConvolutionShape), POINTER(WindowLayerShape), POINTER(c_void_p)
_FUNCTIONS: dict[str, tuple[Any, ...]] = {  # result, arguments
    "error_text": (c_char_p, c_int),
    "mask_gather": (c_int, c_void_p, c_int64, c_void_p, c_int64, c_int64, c_void_p, c_void_p),
    "mask_scatter": (c_int, c_void_p, c_void_p, c_int64, c_int64, c_int64, c_void_p, c_void_p),
    "mask_neighbors_workspace": (c_int64, c_int64),
    "mask_neighbors": (c_int, c_void_p, c_int64, c_int64, c_int64, c_int64, c_void_p, c_void_p, c_void_p),
    "packed_convolution_bytes": (c_int64, c_int, _CONVOLUTION),
    "pack_convolution": (c_int, c_int, _CONVOLUTION, c_void_p, c_void_p, c_void_p, c_void_p),
    "masked_conv2d": (
        *(c_int, c_int, _CONVOLUTION, c_void_p, c_int64, c_void_p, c_int64, c_void_p, c_void_p, c_void_p),
        *(c_int, c_float, c_void_p, c_void_p),
    ),
    "pointwise": (
        *(c_int, c_int, c_int64, c_int64, _POINTERS, c_int, c_int64, c_void_p, c_void_p),
        *(c_int, c_float, c_void_p, c_void_p),
    ),
    "pixel_conv2d": (
        *(c_int, c_int, _CONVOLUTION, c_void_p, c_int64, c_int64, c_void_p, c_void_p, c_int),
        *(c_int, c_float, c_void_p, c_void_p),
    ),
    "packed_window_layer_bytes": (c_int64, c_int, _LAYER),
    "pack_window_layer": (c_int, c_int, _LAYER, _POINTERS, c_void_p, c_void_p),
    "window_layer": (
        *(c_int, c_int, _LAYER, POINTER(WindowGrid), c_void_p, c_void_p, c_int64, c_void_p),
        *(c_float, c_void_p, c_void_p),
    ),
}


class KernelError(Exception):
    """A kernel refused its arguments, or the GPU failed."""


@dataclass(frozen=True)
class Activation:
    """As in plugins/kernels/epilogue.h."""

    kind: int = 0
    negative_slope: float = 1.0

    KINDS = ("", "Silu", "Attention")
    """By what they add to an operator's name; a leaky ReLU adds nothing."""


@dataclass(frozen=True)
class Packed:
    """The weights of a layer as its kernel reads them."""

    shape: ConvolutionShape | WindowLayerShape
    data: Tensor


def _pointer(tensor: Tensor | None) -> int | None:
    if tensor is None:
        return None
    assert tensor.is_contiguous()
    return tensor.data_ptr()


def _stream(tensor: Tensor) -> int | None:
    return torch.cuda.current_stream(tensor.device).cuda_stream if tensor.is_cuda else None


def _is_float16(tensor: Tensor) -> bool:
    assert tensor.dtype in (torch.float16, torch.float32)
    return tensor.dtype == torch.float16


class CudaKernels:
    """The kernels of a library; tensors are contiguous and of one device, the values float32 or float16."""

    def __init__(self, library: Path) -> None:
        """Load a library.

        Raises:
            OSError: it does not load here.
        """
        self._library = ctypes.CDLL(str(library))
        for name, (result, *arguments) in _FUNCTIONS.items():
            function = getattr(self._library, f"amsr_{name}")
            function.restype, function.argtypes = result, arguments

    def _run(self, name: str, *arguments: object) -> None:
        error = getattr(self._library, f"amsr_{name}")(*arguments)
        if error != 0:
            raise KernelError(f"{name}: {self._library.amsr_error_text(error).decode()}")

    def mask_gather(self, pixels: Tensor, index: Tensor) -> Tensor:
        """Gather as `amsr_deploy.models.operators` does; so do the other functions."""
        rows = pixels.new_empty(len(index), pixels.shape[1])
        row_bytes = pixels.shape[1] * pixels.element_size()
        arguments = (_pointer(pixels), len(pixels), _pointer(index), len(index), row_bytes, _pointer(rows))
        self._run("mask_gather", *arguments, _stream(pixels))
        return rows

    def mask_scatter(self, rows: Tensor, pixels: Tensor, index: Tensor, in_place: bool = False) -> Tensor:
        out = pixels if in_place else pixels.clone()
        row_bytes = pixels.shape[1] * pixels.element_size()
        arguments = (_pointer(rows), _pointer(index), len(index), len(pixels), row_bytes, _pointer(out))
        self._run("mask_scatter", *arguments, _stream(pixels))
        return out

    def mask_neighbors(self, index: Tensor, height: int, width: int, kernel_size: int) -> Tensor:
        neighbors = index.new_empty(len(index), kernel_size**2, dtype=torch.int32)
        size = self._library.amsr_mask_neighbors_workspace(height * width)
        workspace = index.new_empty(size, dtype=torch.uint8)
        arguments = (_pointer(index), len(index), height, width, kernel_size, _pointer(neighbors), _pointer(workspace))
        self._run("mask_neighbors", *arguments, _stream(index))
        return neighbors

    def pack_convolution(self, weight: Tensor, bias: Tensor, groups: int = 1, upscale: int = 1) -> Packed:
        """Pack weight [Co, Ci / groups, k, k] or [Co, Ci] and bias [Co]."""
        kernel_size = weight.shape[2] if weight.ndim == 4 else 1
        shape = ConvolutionShape(len(weight), weight.shape[1] * groups, groups, kernel_size, upscale)
        size = self._library.amsr_packed_convolution_bytes(_is_float16(weight), byref(shape))
        packed = self._memory("convolution", size, weight)
        arguments = (_is_float16(weight), byref(shape), _pointer(weight), _pointer(bias), _pointer(packed))
        self._run("pack_convolution", *arguments, _stream(weight))
        return Packed(shape, packed)

    @staticmethod
    def _memory(kind: str, size: int, like: Tensor) -> Tensor:
        """Allocate memory for packed weights.

        Raises:
            KernelError: the size is 0, which says that no kernel takes the layer.
        """
        if size == 0:
            raise KernelError(f"the kernel takes no {kind} of this shape")
        packed = like.new_empty(size, dtype=torch.uint8)
        assert packed.data_ptr() % ALIGNMENT == 0
        return packed

    def masked_conv2d(
        self,
        rows: Tensor,
        surround: Tensor,
        neighbors: Tensor,
        packed: Packed,
        activation: Activation,
        residual: Tensor | None,
    ) -> Tensor:
        out = rows.new_empty(len(rows), packed.shape.outputs)
        self._run(
            "masked_conv2d",
            *(_is_float16(rows), byref(packed.shape), _pointer(rows), len(rows), _pointer(surround), len(surround)),
            *(_pointer(neighbors), _pointer(packed.data), _pointer(residual)),
            *(activation.kind, activation.negative_slope, _pointer(out), _stream(rows)),
        )
        return out

    def pointwise(
        self, rows: Sequence[Tensor], packed: Packed, activation: Activation, residual: Tensor | None
    ) -> Tensor:
        first = rows[0]
        out = first.new_empty(len(first), packed.shape.outputs)
        inputs = (c_void_p * len(rows))(*map(_pointer, rows))
        self._run(
            "pointwise",
            *(_is_float16(first), packed.shape.outputs, first.shape[1], inputs, len(rows), len(first)),
            *(_pointer(packed.data), _pointer(residual), activation.kind, activation.negative_slope),
            *(_pointer(out), _stream(first)),
        )
        return out

    def pixel_conv2d(
        self,
        pixels: Tensor,
        height: int,
        width: int,
        packed: Packed,
        activation: Activation,
        residual: Tensor | None,
        is_nearest: bool,
    ) -> Tensor:
        assert len(pixels) == height * width
        area = packed.shape.upscale**2
        out = pixels.new_empty(len(pixels) * area, packed.shape.outputs // area)
        self._run(
            "pixel_conv2d",
            *(_is_float16(pixels), byref(packed.shape), _pointer(pixels), height, width, _pointer(packed.data)),
            *(_pointer(residual), is_nearest, activation.kind, activation.negative_slope),
            *(_pointer(out), _stream(pixels)),
        )
        return out

    def pack_window_layer(self, weights: Sequence[Tensor], heads: int, window_size: int) -> Packed:
        """Pack the weights of a layer, in the order of `operators.WindowLayerWeights`."""
        fc1_weight = weights[9]
        shape = WindowLayerShape(fc1_weight.shape[1], fc1_weight.shape[0], heads, window_size)
        size = self._library.amsr_packed_window_layer_bytes(_is_float16(fc1_weight), byref(shape))
        packed = self._memory("window layer", size, fc1_weight)
        pointers = (c_void_p * len(weights))(*map(_pointer, weights))
        arguments = (_is_float16(fc1_weight), byref(shape), pointers, _pointer(packed))
        self._run("pack_window_layer", *arguments, _stream(fc1_weight))
        return Packed(shape, packed)

    def window_layer(
        self,
        pixels: Tensor,
        windows: Tensor,
        height: int,
        width: int,
        packed: Packed,
        shift: int,
        epsilon: float,
        in_place: bool = False,
    ) -> Tensor:
        assert len(pixels) == height * width
        out = pixels if in_place else torch.empty_like(pixels)
        grid = WindowGrid(height, width, packed.shape.window_size, shift)
        self._run(
            "window_layer",
            *(_is_float16(pixels), byref(packed.shape), byref(grid), _pointer(pixels), _pointer(windows)),
            *(len(windows), _pointer(packed.data), epsilon, _pointer(out), _stream(pixels)),
        )
        return out
