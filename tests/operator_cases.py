"""Random cases of the `amsr` operators, shared by the tests of all their forms."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import hypothesis.strategies as st
import numpy as np
from numpy.typing import NDArray

Arrays = dict[str, NDArray]


@dataclass(frozen=True)
class Case:
    """One call: operator name, named inputs in order, attributes."""

    operator: str
    inputs: Arrays
    attributes: dict[str, int | float]


def _indices(draw: st.DrawFn, count: int) -> NDArray[np.int64]:
    """Some of `count` positions, increasing: none, one, all, the border ones or random ones."""
    kind = draw(st.sampled_from(["empty", "single", "full", "ends", "random"]))
    if kind == "empty":
        chosen: list[int] = []
    elif kind == "single":
        chosen = [draw(st.integers(0, count - 1))]
    elif kind == "full":
        chosen = list(range(count))
    elif kind == "ends":
        chosen = sorted({0, count - 1})
    else:
        chosen = sorted(draw(st.sets(st.integers(0, count - 1))))
    return np.array(chosen, dtype=np.int64)


@st.composite
def mask_cases(draw: st.DrawFn) -> list[Case]:
    """Calls of the operators on rows and of the four that lead to them, on one random mask."""
    height, width = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    group = draw(st.sampled_from([1, 2, 4]))
    inputs, outputs = (group * draw(st.integers(1, 5)) for _ in range(2))
    kernel_size = draw(st.sampled_from([1, 3, 5]))
    slope = draw(st.sampled_from([0.0, 0.1, 1.0]))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    index = _indices(draw, height * width)
    return _mask_calls(random, index, height, width, inputs, outputs, group, kernel_size, slope)


def random_mask_cases(height: int, width: int, channels: int, group: int, density: float, seed: int) -> list[Case]:
    """Calls on one picture: MaskGather, MaskScatter, MaskNeighbors, MaskedConv2d, then the other operators on rows."""
    random = np.random.default_rng(seed)
    index = np.flatnonzero(random.random(height * width) < density)
    return _mask_calls(random, index, height, width, channels, channels, group, kernel_size=3, slope=0.0)


def _mask_calls(
    random: np.random.Generator,
    index: NDArray[np.int64],
    height: int,
    width: int,
    inputs: int,
    outputs: int,
    group: int,
    kernel_size: int,
    slope: float,
) -> list[Case]:
    size = np.array([height, width], dtype=np.int64)
    pixels = random.standard_normal((height * width, inputs), dtype=np.float32)
    rows = random.standard_normal((len(index), inputs), dtype=np.float32)
    neighbors = expected_neighbors(index, height, width, kernel_size)
    weight = random.standard_normal((outputs, inputs // group, kernel_size, kernel_size), dtype=np.float32)
    bias = random.standard_normal(outputs, dtype=np.float32)
    convolution = {"rows": rows, "surround": pixels, "neighbors": neighbors, "weight": weight, "bias": bias}
    residual = random.standard_normal((len(index), outputs), dtype=np.float32)
    attributes: dict[str, int | float] = {"group": group, "negative_slope": slope}
    return [
        Case("MaskGather", {"pixels": pixels, "index": index}, {}),
        Case("MaskScatter", {"rows": rows, "pixels": pixels, "index": index}, {}),
        Case("MaskNeighbors", {"index": index, "size": size}, {"kernel_size": kernel_size}),
        Case("MaskedConv2d", convolution, attributes),
        Case("MaskedConv2dAdd", {**convolution, "residual": residual}, attributes),
        Case("MaskedConv2dSilu", convolution, {"group": group}),
        Case("MaskedConv2dSiluAdd", {**convolution, "residual": residual}, {"group": group}),
        Case("MaskedConv2dAttention", {**convolution, "residual": residual}, {"group": group}),
        *_pointwise_calls(random, len(index), inputs, outputs, slope),
    ]


def _pointwise_calls(
    random: np.random.Generator, count: int, inputs: int, outputs: int, slope: float
) -> Iterator[Case]:
    """Pointwise, PointwiseAdd, Pointwise2, Pointwise3, Pointwise4."""

    def normal(*shape: int) -> NDArray[np.float32]:
        return random.standard_normal(shape, dtype=np.float32)

    attributes: dict[str, int | float] = {"negative_slope": slope}
    rows, bias = [normal(count, inputs) for _ in range(4)], normal(outputs)
    alone = {"rows": rows[0], "weight": normal(outputs, inputs), "bias": bias}
    yield Case("Pointwise", alone, attributes)
    yield Case("PointwiseAdd", {**alone, "residual": normal(count, outputs)}, attributes)
    for n in (2, 3, 4):
        merged = {f"rows{i + 1}": rows[i] for i in range(n)}
        yield Case(f"Pointwise{n}", {**merged, "weight": normal(outputs, n * inputs), "bias": bias}, attributes)


@st.composite
def pixel_cases(draw: st.DrawFn) -> list[Case]:
    """Calls of the convolutions at all pixels of one random picture."""
    height, width = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    group, upscale = draw(st.sampled_from([1, 2, 4])), draw(st.sampled_from([1, 2, 3, 4]))
    inputs, outputs = (group * draw(st.integers(1, 5)) for _ in range(2))
    side = draw(st.sampled_from([1, 3, 5]))
    slope = draw(st.sampled_from([0.0, 0.1, 1.0]))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return random_pixel_cases(random, height, width, inputs, outputs * upscale**2, group, side, slope, upscale)


def random_pixel_cases(
    random: np.random.Generator,
    height: int,
    width: int,
    inputs: int,
    outputs: int,
    group: int = 1,
    kernel_size: int = 3,
    slope: float = 0.1,
    upscale: int = 1,
) -> list[Case]:
    """PixelConv2d, PixelConv2dAdd and PixelConv2dAddNearest on one picture."""
    shuffled = (height * width * upscale**2, outputs // upscale**2)
    convolution: Arrays = {
        "pixels": random.standard_normal((height * width, inputs), dtype=np.float32),
        "size": np.array([height, width], dtype=np.int64),
        "weight": random.standard_normal((outputs, inputs // group, kernel_size, kernel_size), dtype=np.float32),
        "bias": random.standard_normal(outputs, dtype=np.float32),
    }
    residual = random.standard_normal(shuffled, dtype=np.float32)
    colours = random.standard_normal((height * width, shuffled[1]), dtype=np.float32)
    attributes: dict[str, int | float] = {"group": group, "negative_slope": slope, "upscale": upscale}
    return [
        Case("PixelConv2d", convolution, attributes),
        Case("PixelConv2dAdd", {**convolution, "residual": residual}, attributes),
        Case("PixelConv2dAddNearest", {**convolution, "residual": colours}, attributes),
    ]


@st.composite
def window_layer_cases(draw: st.DrawFn) -> Case:
    """A call of WindowLayer on a random choice of windows, with weights that keep values near 1."""
    window_size = draw(st.sampled_from([2, 3, 4, 8]))
    down, across = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    shift = draw(st.integers(0, window_size - 1))
    heads = draw(st.integers(1, 6))
    channels, hidden = heads * draw(st.integers(1, 12)), draw(st.integers(1, 70))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    windows, epsilon = _indices(draw, down * across), draw(st.sampled_from([1e-5, 1e-2]))
    return window_layer_case(random, windows, (down, across), channels, hidden, heads, window_size, shift, epsilon)


def window_layer_case(
    random: np.random.Generator,
    windows: NDArray[np.int64],
    grid: tuple[int, int],
    channels: int,
    hidden: int,
    heads: int,
    window_size: int,
    shift: int,
    epsilon: float = 1e-5,
) -> Case:
    """A call of WindowLayer on chosen windows of a grid (down, across), with random weights."""

    def normal(*shape: int, scale: float = 1.0) -> NDArray[np.float32]:
        return random.standard_normal(shape, dtype=np.float32) * np.float32(scale)

    def linear(name: str, outputs: int, inputs: int) -> Arrays:
        return {f"{name}_weight": normal(outputs, inputs, scale=inputs**-0.5), f"{name}_bias": normal(outputs)}

    def norm(name: str) -> Arrays:
        return {f"{name}_weight": 1 + normal(channels, scale=0.3), f"{name}_bias": normal(channels, scale=0.3)}

    size = np.array(grid, dtype=np.int64) * window_size
    inputs = {"pixels": normal(int(size.prod()), channels), "windows": windows, "size": size}
    inputs |= norm("norm1") | linear("qkv", 3 * channels, channels)
    inputs |= {"position_bias": normal(heads, window_size**2, window_size**2)}
    inputs |= linear("proj", channels, channels)
    inputs |= norm("norm2") | linear("fc1", hidden, channels) | linear("fc2", channels, hidden)
    attributes = {"window_size": window_size, "shift": shift, "heads": heads, "epsilon": epsilon}
    return Case("WindowLayer", inputs, attributes)


def expected_neighbors(index: NDArray[np.int64], height: int, width: int, kernel_size: int) -> NDArray[np.int32]:
    """The neighbour table, pixel by pixel as its definition says."""
    row_of = {int(position): row for row, position in enumerate(index)}
    radius = kernel_size // 2
    table = np.empty((len(index), kernel_size**2), dtype=np.int32)
    for row, position in enumerate(index):
        y, x = divmod(int(position), width)
        for tap in range(kernel_size**2):
            v, u = y + tap // kernel_size - radius, x + tap % kernel_size - radius
            if not (0 <= v < height and 0 <= u < width):
                table[row, tap] = len(index) + height * width
            else:
                table[row, tap] = row_of.get(v * width + u, len(index) + v * width + u)
    return table
