"""A masked model run node by node: the `amsr` operators by the CUDA kernels, the few others by PyTorch.

It takes the float32 files that ship, and computes in float32 or float16 as exports of these types do: features between
`amsr` operators have the type, what lies between them and the picture is float32. Sizes are known on the CPU, so
nothing waits for the GPU, and a run can be captured as a CUDA graph.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from cuda_kernels import Activation, CudaKernels, Packed
from onnx_file import Graph, Node
from torch import Tensor
from torch.nn import functional as F

from amsr_deploy.descriptor import DOMAIN

CONVOLUTION = re.compile(rf"(MaskedConv2d|PixelConv2d|Pointwise)(\d?)({'|'.join(Activation.KINDS)})(Add)?(Nearest)?")
"""Name, number of inputs, activation and residual of an operator; see plugins/kernels/epilogue.h."""

Values = dict[str, Tensor]


class Walker:
    """A masked network on a device.

    Attributes:
        weights: the model's constants by name, on the device but for those that are read on the CPU.
    """

    def __init__(self, graph: Graph, kernels: CudaKernels, dtype: torch.dtype, device: str) -> None:
        """Pack the weights.

        Args:
            graph: of a float32 model.
            kernels: those that work on tensors of the device.
            dtype: float32 or float16.
            device: "cuda", or "cpu" for emulated kernels.

        Raises:
            KernelError: no kernel takes a layer.
        """
        self._graph, self._kernels, self._dtype = graph, kernels, dtype
        self.weights = {name: torch.from_numpy(value.copy()) for name, value in graph.constants.items()}
        factors = {name for node in graph.nodes if node.op == "Resize" for name in node.inputs[1:]}
        for name, value in self.weights.items():
            if value.is_floating_point() and name not in factors:  # integers are shapes
                self.weights[name] = value.to(device)
        self._uses: dict[str, list[int]] = {}
        for i, node in enumerate(graph.nodes):
            for name in node.inputs:
                self._uses.setdefault(name, []).append(i)
        self._made_by_kernels = {node.outputs[0] for node in graph.nodes if node.domain == DOMAIN}
        self._steps = [self._step(i, node) for i, node in enumerate(graph.nodes)]

    def __call__(self, inputs: Values) -> Tensor:
        """Compute the model's output [1, 3, sH, sW] float32 from its inputs, tensors on the device."""
        values = {**self.weights, **inputs}
        for i, (node, step) in enumerate(zip(self._graph.nodes, self._steps, strict=True)):
            (output,) = node.outputs
            values[output] = step(values)
            for name in set(node.inputs):
                if self._uses[name][-1] == i:
                    values.pop(name, None)  # its memory serves the next nodes
        return values[self._graph.outputs[0]].float().contiguous()

    def _step(self, i: int, node: Node) -> Callable[[Values], Tensor]:
        """Make the function that computes a node's output from all values by name.

        Raises:
            NotImplementedError: an operator that the shipped models do not have.
        """
        if node.domain != DOMAIN:
            compute = GLUE.get(node.op)
            if compute is None:
                raise NotImplementedError(f"{node.op} of {node.outputs[0]}")
            return lambda values: compute(node.attributes, *(values.get(name) for name in node.inputs))
        if named := CONVOLUTION.fullmatch(node.op):
            return self._convolution(node, *named.groups())
        if node.op == "WindowLayer":
            return self._window_layer(i, node)
        simple = {"MaskGather": self._gather, "MaskScatter": self._scatter, "MaskNeighbors": self._neighbors}
        return partial(simple[node.op], i, node)

    def _features(self, values: Values, name: str) -> Tensor:
        """Convert a value to what kernels take, once."""
        values[name] = values[name].to(self._dtype, memory_format=torch.contiguous_format).contiguous()
        return values[name]

    def _may_write(self, i: int, name: str) -> bool:
        """Tell whether node i may write its output over an input: no later node and no view uses that."""
        seen_by_kernels = all(self._graph.nodes[use].domain == DOMAIN for use in self._uses[name])
        return self._uses[name][-1] == i and seen_by_kernels and name in self._made_by_kernels

    def _gather(self, i: int, node: Node, values: Values) -> Tensor:
        pixels, index = node.inputs
        return self._kernels.mask_gather(self._features(values, pixels), values[index])

    def _scatter(self, i: int, node: Node, values: Values) -> Tensor:
        rows, pixels, index = node.inputs
        features = self._features(values, rows), self._features(values, pixels)
        return self._kernels.mask_scatter(*features, values[index], self._may_write(i, pixels))

    def _neighbors(self, i: int, node: Node, values: Values) -> Tensor:
        index, size = node.inputs
        height, width = values[size].tolist()
        return self._kernels.mask_neighbors(values[index], height, width, node.attributes["kernel_size"])

    def _convolution(
        self, node: Node, kind: str, count: str, activated: str, add: str | None, nearest: str | None
    ) -> Callable[[Values], Tensor]:
        has_residual = bool(add) or activated == "Attention"
        *inputs, weight, bias = node.inputs[:-1] if has_residual else node.inputs
        packed = self._kernels.pack_convolution(
            *(self.weights[name].to(self._dtype) for name in (weight, bias)),
            node.attributes.get("group", 1),
            node.attributes.get("upscale", 1),
        )
        activation = Activation(Activation.KINDS.index(activated), node.attributes.get("negative_slope", 1.0))
        compute: Callable[..., Tensor] = {
            "MaskedConv2d": partial(self._masked, packed, activation),
            "Pointwise": partial(self._pointwise, packed, activation),
            "PixelConv2d": partial(self._pixels, packed, activation, nearest is not None),
        }[kind]

        def step(values: Values) -> Tensor:
            residual = self._features(values, node.inputs[-1]) if has_residual else None
            return compute(values, inputs, residual)

        return step

    def _masked(
        self, packed: Packed, activation: Activation, values: Values, inputs: list[str], residual: Tensor | None
    ) -> Tensor:
        rows, surround, neighbors = inputs
        features = self._features(values, rows), self._features(values, surround)
        return self._kernels.masked_conv2d(*features, values[neighbors], packed, activation, residual)

    def _pointwise(
        self, packed: Packed, activation: Activation, values: Values, inputs: list[str], residual: Tensor | None
    ) -> Tensor:
        rows = [self._features(values, name) for name in inputs]
        return self._kernels.pointwise(rows, packed, activation, residual)

    def _pixels(
        self,
        packed: Packed,
        activation: Activation,
        is_nearest: bool,
        values: Values,
        inputs: list[str],
        residual: Tensor | None,
    ) -> Tensor:
        pixels, size = inputs
        height, width = values[size].tolist()
        features = self._features(values, pixels)
        return self._kernels.pixel_conv2d(features, height, width, packed, activation, residual, is_nearest)

    def _window_layer(self, i: int, node: Node) -> Callable[[Values], Tensor]:
        pixels, windows, size, *weights = node.inputs
        attributes = node.attributes
        tensors = [self.weights[name].to(self._dtype) for name in weights]
        packed = self._kernels.pack_window_layer(tensors, attributes["heads"], attributes["window_size"])
        in_place = self._may_write(i, pixels)

        def step(values: Values) -> Tensor:
            features, (height, width) = self._features(values, pixels), values[size].tolist()
            shift, epsilon = attributes["shift"], attributes["epsilon"]
            return self._kernels.window_layer(
                features, values[windows], height, width, packed, shift, epsilon, in_place
            )

        return step


def _resize(attributes: dict[str, Any], x: Tensor, _: None, scales: Tensor) -> Tensor:
    assert (attributes["mode"], attributes["coordinate_transformation_mode"]) == ("linear", "half_pixel")
    return F.interpolate(x, scale_factor=scales.tolist()[2:], mode="bilinear", align_corners=False)


def _layer_norm(attributes: dict[str, Any], x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return F.layer_norm(x.float(), weight.shape, weight, bias, attributes["epsilon"]).to(x.dtype)


def _shape(attributes: dict[str, Any], x: Tensor) -> Tensor:
    return torch.tensor(x.shape[attributes.get("start", 0) : attributes.get("end")])


def _squeeze(_: dict[str, Any], x: Tensor, axes: Tensor | None = None) -> Tensor:
    return x.squeeze() if axes is None else x.squeeze(axes.tolist())


GLUE: dict[str, Callable[..., Tensor]] = {
    "Add": lambda _, a, b: a + b,
    "Sub": lambda _, a, b: a - b,
    "Mul": lambda _, a, b: a * b,
    "Concat": lambda attributes, *parts: torch.cat(parts, attributes["axis"]),
    "LayerNormalization": _layer_norm,
    "Reshape": lambda _, x, shape: x.reshape(shape.tolist()),
    "Resize": _resize,
    "Shape": _shape,
    "Squeeze": _squeeze,
    "Transpose": lambda attributes, x: x.permute(attributes["perm"]),
}
"""The standard operators of masked models."""
