"""MaskedConv2d against ONNX Runtime's own Conv, on masks of real photos.

Both run as chains of 3x3 convolutions with ReLU. The time of a layer is the difference of a long and a short chain over
the number of layers between them: what enters and leaves a chain counts for neither.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from onnx import GraphProto, NodeProto, TensorProto, helper

from amsr_deploy import native
from amsr_deploy.descriptor import DOMAIN
from amsr_deploy.errors import BackendError
from amsr_deploy.evaluation.bench.densities import mask_of_density
from amsr_deploy.evaluation.bench.neighbors import NeighborTable
from amsr_deploy.evaluation.bench.photos import Photo
from amsr_deploy.evaluation.bench.session import open_graph
from amsr_deploy.evaluation.bench.timing import Run, medians, warm_seconds
from amsr_deploy.mask import high_frequencies, pixel_index

MOST_LINES = 288
"""LR lines in the middle of a photo that are used."""
CHANNELS = (64,)
"""Default number of inputs and outputs of a layer."""
DENSITIES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
DILATION = 5
GROUPS = (1, 4)
STORAGES = {"float32": TensorProto.FLOAT, "bfloat16": TensorProto.BFLOAT16}
"""Types of the rows, as users and as ONNX name them."""
SHORT, LONG = 2, 8
"""Layers of the two chains."""
WARM_UP = 2


@dataclass(frozen=True)
class Layer:
    """A convolution.

    Attributes:
        channels: inputs, and as many outputs.
        group: groups of them.
    """

    channels: int
    group: int

    @property
    def operations(self) -> int:
        """Multiplications and additions of a pixel, of 3x3."""
        return 2 * 9 * self.channels * self.channels // self.group


@dataclass(frozen=True)
class OperatorTiming:
    """Times of a layer on a photo.

    Attributes:
        photo: name of the photo.
        storage: type of the rows.
        layer: the convolution.
        pixels: of the photo.
        target: density that the mask was made for.
        density: share of masked pixels that it has.
        dense, masked: seconds a layer.
    """

    photo: str
    storage: str
    layer: Layer
    pixels: int
    target: float
    density: float
    dense: float
    masked: float

    @property
    def ratio(self) -> float:
        """Masked time over density times dense time: 1 where masking saves exactly what it leaves out."""
        return self.masked / (self.density * self.dense)

    @property
    def dense_rate(self) -> float:
        """Operations a second of the dense convolution."""
        return self.pixels * self.layer.operations / self.dense

    @property
    def masked_rate(self) -> float:
        """Operations a second of the masked one, of those that the mask leaves."""
        return self.density * self.pixels * self.layer.operations / self.masked


def measure_operators(
    photos: Sequence[Photo], channels: Sequence[int], threads: int, repeats: int, step: Callable[[str], None]
) -> list[OperatorTiming]:
    """Time MaskedConv2d and Conv on the masks of photos.

    Args:
        photos: the lines in their middle are used; flat ones are left out.
        channels: of the layers; none is CHANNELS. Groups are measured where they divide them.
        threads: CPU threads that work on an operator.
        repeats: measurements whose median counts.
        step: takes a line on what is being done.

    Raises:
        BackendError: the native library is not built.
    """
    if native.inspect() is None:
        raise BackendError("the native operators are not built; install the package where there is a C++ compiler")
    timings: list[OperatorTiming] = []
    layers = [Layer(count, group) for count in channels or CHANNELS for group in GROUPS if count % group == 0]
    for photo in photos:
        for layer in layers:
            step(f"MaskedConv2d, {layer.channels} channels in {layer.group} groups, on {photo.name}")
            timings += measure_layer(photo, layer, threads, repeats)
    return timings


def measure_layer(photo: Photo, layer: Layer, threads: int, repeats: int) -> Iterator[OperatorTiming]:
    """Time one kind of convolution on a photo, in all storage types, at all densities."""
    pixels = middle(photo.pixels)
    frequencies = high_frequencies(pixels)
    if frequencies is None:
        return
    height, width = frequencies.shape
    surround = np.random.default_rng(0).standard_normal((height * width, layer.channels), dtype=np.float32)
    image = {"image": np.ascontiguousarray(surround.T).reshape(1, layer.channels, height, width)}
    neighbors = NeighborTable(threads)
    dense = {layers: open_graph(dense_chain(layers, layer), threads) for layers in (SHORT, LONG)}
    for storage, element in STORAGES.items():
        masked = {layers: open_graph(masked_chain(layers, layer, element), threads) for layers in (SHORT, LONG)}
        for target in DENSITIES:
            index = pixel_index(mask_of_density(frequencies, target, DILATION))
            table = neighbors.run(index, (height, width))
            feed = {"rows": surround[index], "surround": surround, "neighbors": table}
            chains = {"dense": (dense, image), "masked": (masked, feed)}
            runs: dict[tuple[str, int], Run] = {
                (form, layers): partial(session.run, None, inputs)
                for form, (sessions, inputs) in chains.items()
                for layers, session in sessions.items()
            }
            times = medians(runs, repeats, WARM_UP, warm_seconds)
            seconds = {form: (times[form, LONG] - times[form, SHORT]) / (LONG - SHORT) for form in chains}
            density = len(index) / frequencies.size
            yield OperatorTiming(
                photo.name, storage, layer, frequencies.size, target, density, seconds["dense"], seconds["masked"]
            )


def middle(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Crop a photo [H, W, 3] to its middle lines."""
    top = max(pixels.shape[0] - MOST_LINES, 0) // 2
    return pixels[top : top + MOST_LINES]


def dense_chain(layers: int, layer: Layer) -> GraphProto:
    """Make a graph of Conv and Relu, `layers` times, on `image` [1, C, H, W]."""
    nodes, weights, last = [], [], "image"
    for number in range(layers):
        weights += convolution_weights(number, layer, TensorProto.FLOAT)
        names = [last, f"weight{number}", f"bias{number}"]
        nodes.append(helper.make_node("Conv", names, [f"sums{number}"], pads=[1] * 4, group=layer.group))
        nodes.append(helper.make_node("Relu", [f"sums{number}"], [f"features{number}"]))
        last = f"features{number}"
    return chain_graph(nodes, weights, {"image": (TensorProto.FLOAT, 4)}, last)


def masked_chain(layers: int, layer: Layer, storage: int) -> GraphProto:
    """Make a graph of MaskedConv2d with ReLU, `layers` times, on float32 `rows` [Q, C], cast to the storage type."""
    inputs = {"rows": (TensorProto.FLOAT, 2), "surround": (TensorProto.FLOAT, 2), "neighbors": (TensorProto.INT32, 2)}
    nodes = [helper.make_node("Cast", [name], [f"{name}_stored"], to=storage) for name in ("rows", "surround")]
    weights, last = [], "rows_stored"
    for number in range(layers):
        weights += convolution_weights(number, layer, storage)
        names = [last, "surround_stored", "neighbors", f"weight{number}", f"bias{number}"]
        node = helper.make_node(
            "MaskedConv2d", names, [f"features{number}"], domain=DOMAIN, group=layer.group, negative_slope=0.0
        )
        nodes.append(node)
        last = f"features{number}"
    return chain_graph(nodes, weights, inputs, last)


def chain_graph(
    nodes: list[NodeProto], weights: list[TensorProto], inputs: Mapping[str, tuple[int, int]], last: str
) -> GraphProto:
    """Make a graph of nodes; inputs have an element type and a number of axes, the last value leaves as float32."""
    nodes = [*nodes, helper.make_node("Cast", [last], ["out"], to=TensorProto.FLOAT)]
    values = [helper.make_tensor_value_info(name, kind, [None] * axes) for name, (kind, axes) in inputs.items()]
    axes = next(axes for _, axes in inputs.values())
    output = helper.make_tensor_value_info("out", TensorProto.FLOAT, [None] * axes)
    return helper.make_graph(nodes, "chain", values, [output], weights)


def convolution_weights(number: int, layer: Layer, element: int) -> list[TensorProto]:
    """Make random weights that keep values at their size, and biases of zero."""
    inputs = layer.channels // layer.group
    shape = (layer.channels, inputs, 3, 3)
    scale = np.float32((2 / (9 * inputs)) ** 0.5)
    weight = np.random.default_rng(number).standard_normal(shape, dtype=np.float32) * scale
    bias = np.zeros(layer.channels, dtype=np.float32)
    return [
        helper.make_tensor(f"weight{number}", element, shape, weight.ravel()),
        helper.make_tensor(f"bias{number}", element, bias.shape, bias),
    ]
