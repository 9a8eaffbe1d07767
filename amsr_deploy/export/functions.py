"""The operators of the domain `amsr` as ONNX functions of standard operators (docs/operators.md).

Exported models carry these, so that any ONNX runtime can execute them without native code. They hold for float32 and
float16 and match the references in `amsr_deploy.models.operators`. A function that calls another gives all attributes:
`onnx.inliner` forgets the defaults of such a call.
"""

from __future__ import annotations

import onnx
from onnxscript import opset20 as op
from onnxscript import script
from onnxscript.values import OnnxFunction, Opset

from amsr_deploy.descriptor import DOMAIN
from amsr_deploy.models.operators import VERSION

OPSET = op.version
"""Version of the standard operators that functions and exported models use."""
IR_VERSION = 10
"""Read by ONNX Runtime 1.18 and later, and by TensorRT 10."""
amsr = Opset(DOMAIN, VERSION)


@script(amsr, default_opset=op)
def MaskGather(pixels, index):
    return op.Gather(pixels, index, axis=0)


@script(amsr, default_opset=op)
def MaskScatter(rows, pixels, index):
    return op.ScatterND(pixels, op.Unsqueeze(index, [1]), rows)


@script(amsr, default_opset=op)
def MaskNeighbors(index, size, kernel_size: int = 3):
    height, width = op.Split(size, num_outputs=2)
    rows = op.Size(index)
    outside = rows + op.Squeeze(height * width)
    surround = op.Range(rows, outside, 1)
    table = op.Reshape(op.ScatterElements(surround, index, op.Range(0, rows, 1)), size)
    k = op.Constant(value_int=kernel_size)
    radius = k / 2
    padded = op.Pad(table - outside, op.Expand(radius, [4])) + outside
    offsets = op.Range(0, k, 1)
    y = op.Unsqueeze(index / width, [1, 2]) + op.Unsqueeze(offsets, [1])
    x = op.Unsqueeze(op.Mod(index, width), [1, 2]) + op.Unsqueeze(offsets, [0])
    positions = op.Flatten(y * (width + 2 * radius) + x, axis=1)
    return op.Cast(op.Gather(op.Reshape(padded, [-1]), positions), to=onnx.TensorProto.INT32)


@script(amsr, default_opset=op)
def MaskedConv2d(rows, surround, neighbors, weight, bias, group: int = 1, negative_slope: float = 1.0):
    channels = op.Shape(rows, start=1, end=2)
    zero = op.Expand(op.CastLike(0.0, rows), op.Concat([1], channels, axis=0))
    windows = op.Gather(op.Concat(rows, surround, zero, axis=0), neighbors, axis=0)
    groups = op.Reshape(op.Constant(value_int=group), [1])
    count, taps = op.Split(op.Shape(neighbors), num_outputs=2)
    inputs = channels / groups
    outputs = op.Shape(weight, start=0, end=1)
    split = op.Reshape(windows, op.Concat(count, taps, groups, inputs, axis=0), allowzero=1)
    patches = op.Reshape(
        op.Transpose(split, perm=[2, 0, 1, 3]), op.Concat(groups, count, taps * inputs, axis=0), allowzero=1
    )
    kernels = op.Reshape(
        op.Transpose(op.Reshape(weight, op.Concat(groups, outputs / groups, inputs, taps, axis=0)), perm=[0, 3, 2, 1]),
        op.Concat(groups, taps * inputs, outputs / groups, axis=0),
    )
    products = op.Transpose(op.MatMul(patches, kernels), perm=[1, 0, 2])
    sums = op.Reshape(products, op.Concat(count, outputs, axis=0), allowzero=1) + bias
    return op.LeakyRelu(sums, alpha=negative_slope)


@script(amsr, default_opset=op)
def MaskedConv2dAdd(rows, surround, neighbors, weight, bias, residual, group: int = 1, negative_slope: float = 1.0):
    sums = MaskedConv2d(rows, surround, neighbors, weight, bias, group=group, negative_slope=1.0)
    return op.LeakyRelu(sums + residual, alpha=negative_slope)


@script(amsr, default_opset=op)
def MaskedConv2dSilu(rows, surround, neighbors, weight, bias, group: int = 1):
    sums = MaskedConv2d(rows, surround, neighbors, weight, bias, group=group, negative_slope=1.0)
    return sums * op.Sigmoid(sums)


@script(amsr, default_opset=op)
def MaskedConv2dSiluAdd(rows, surround, neighbors, weight, bias, residual, group: int = 1):
    return MaskedConv2dSilu(rows, surround, neighbors, weight, bias, group=group) + residual


@script(amsr, default_opset=op)
def MaskedConv2dAttention(rows, surround, neighbors, weight, bias, residual, group: int = 1):
    sums = MaskedConv2d(rows, surround, neighbors, weight, bias, group=group, negative_slope=1.0)
    return (sums + residual) * (op.Sigmoid(sums) - op.CastLike(0.5, sums))


@script(amsr, default_opset=op)
def Pointwise(rows, weight, bias, negative_slope: float = 1.0):
    return op.LeakyRelu(op.MatMul(rows, op.Transpose(weight, perm=[1, 0])) + bias, alpha=negative_slope)


@script(amsr, default_opset=op)
def PointwiseAdd(rows, weight, bias, residual, negative_slope: float = 1.0):
    return op.LeakyRelu(Pointwise(rows, weight, bias, negative_slope=1.0) + residual, alpha=negative_slope)


@script(amsr, default_opset=op)
def Pointwise2(rows1, rows2, weight, bias, negative_slope: float = 1.0):
    return Pointwise(op.Concat(rows1, rows2, axis=1), weight, bias, negative_slope=negative_slope)


@script(amsr, default_opset=op)
def Pointwise3(rows1, rows2, rows3, weight, bias, negative_slope: float = 1.0):
    return Pointwise(op.Concat(rows1, rows2, rows3, axis=1), weight, bias, negative_slope=negative_slope)


@script(amsr, default_opset=op)
def Pointwise4(rows1, rows2, rows3, rows4, weight, bias, negative_slope: float = 1.0):
    return Pointwise(op.Concat(rows1, rows2, rows3, rows4, axis=1), weight, bias, negative_slope=negative_slope)


@script(amsr, default_opset=op)
def PixelConv2d(pixels, size, weight, bias, group: int = 1, negative_slope: float = 1.0, upscale: int = 1):
    channels = op.Shape(pixels, start=1, end=2)
    features = op.Reshape(op.Transpose(pixels, perm=[1, 0]), op.Concat([1], channels, size, axis=0))
    sums = op.Conv(features, weight, bias, group=group, auto_pad="SAME_UPPER")
    shuffled = op.DepthToSpace(sums, blocksize=upscale, mode="CRD")
    outputs = op.Shape(shuffled, start=1, end=2)
    result = op.Transpose(op.Reshape(shuffled, op.Concat(outputs, [-1], axis=0)), perm=[1, 0])
    return op.LeakyRelu(result, alpha=negative_slope)


@script(amsr, default_opset=op)
def PixelConv2dAdd(pixels, size, weight, bias, residual, group: int = 1, negative_slope: float = 1.0, upscale: int = 1):
    sums = PixelConv2d(pixels, size, weight, bias, group=group, negative_slope=1.0, upscale=upscale)
    return op.LeakyRelu(sums + residual, alpha=negative_slope)


@script(amsr, default_opset=op)
def PixelConv2dAddNearest(
    pixels, size, weight, bias, residual, group: int = 1, negative_slope: float = 1.0, upscale: int = 1
):
    sums = PixelConv2d(pixels, size, weight, bias, group=group, negative_slope=1.0, upscale=upscale)
    outputs = op.Shape(sums, start=1, end=2)
    height, width = op.Split(size, num_outputs=2)
    factor = op.Reshape(op.Constant(value_int=upscale), [1])
    lines = op.Reshape(residual, op.Concat(height, [1], width, [1], outputs, axis=0))
    enlarged = op.Expand(lines, op.Concat(height, factor, width, factor, outputs, axis=0))
    return op.LeakyRelu(sums + op.Reshape(enlarged, op.Concat([-1], outputs, axis=0)), alpha=negative_slope)


@script(amsr, default_opset=op)
def WindowLayer(
    pixels,
    windows,
    size,
    norm1_weight,
    norm1_bias,
    qkv_weight,
    qkv_bias,
    position_bias,
    proj_weight,
    proj_bias,
    norm2_weight,
    norm2_bias,
    fc1_weight,
    fc1_bias,
    fc2_weight,
    fc2_bias,
    window_size: int = 8,
    shift: int = 0,
    heads: int = 6,
    epsilon: float = 1e-5,
):
    height, width = op.Split(size, num_outputs=2)
    side = op.Constant(value_int=window_size)
    down, across = height / side, width / side
    place = op.Range(0, side, 1)
    inside = place + op.Constant(value_int=shift)
    y = op.Mod(op.Unsqueeze(windows / across * side, [1, 2]) + op.Unsqueeze(inside, [1]), height)
    x = op.Mod(op.Unsqueeze(op.Mod(windows, across) * side, [1, 2]) + op.Unsqueeze(inside, [0]), width)
    positions = op.Flatten(y * width + x, axis=1)
    tokens = op.Gather(pixels, positions, axis=0)

    # What the shift brought together from opposite sides of the image stays apart.
    wrapped = inside >= side
    block = op.Expand(side, [2])
    rows = op.Reshape(op.Expand(op.Unsqueeze(wrapped, [1]), block), [-1])
    columns = op.Reshape(op.Expand(wrapped, block), [-1])
    other_row = op.Xor(op.Unsqueeze(rows, [1]), op.Unsqueeze(rows, [0]))
    other_column = op.Xor(op.Unsqueeze(columns, [1]), op.Unsqueeze(columns, [0]))
    in_last_row = op.Unsqueeze(windows / across == down - 1, [1, 2, 3])
    in_last_column = op.Unsqueeze(op.Mod(windows, across) == across - 1, [1, 2, 3])
    apart = op.Or(op.And(in_last_row, other_row), op.And(in_last_column, other_column))
    shift_mask = op.CastLike(apart, pixels) * op.CastLike(-100.0, pixels)

    count, area, channels = op.Split(op.Shape(tokens), num_outputs=3)
    number = op.Reshape(op.Constant(value_int=heads), [1])
    depth = channels / number
    normalised = op.LayerNormalization(tokens, norm1_weight, norm1_bias, axis=-1, epsilon=epsilon)
    qkv = op.MatMul(normalised, op.Transpose(qkv_weight, perm=[1, 0])) + qkv_bias
    split = op.Reshape(qkv, op.Concat(count, area, [3], number, depth, axis=0), allowzero=1)
    query, key, value = op.Split(split, num_outputs=3, axis=2)
    queries = op.Transpose(op.Squeeze(query, [2]), perm=[0, 2, 1, 3])
    keys = op.Transpose(op.Squeeze(key, [2]), perm=[0, 2, 3, 1])
    values = op.Transpose(op.Squeeze(value, [2]), perm=[0, 2, 1, 3])
    scale = op.CastLike(op.Reciprocal(op.Sqrt(op.Cast(depth, to=onnx.TensorProto.FLOAT))), pixels)
    attention = op.MatMul(queries * scale, keys) + position_bias + shift_mask
    mixed = op.Transpose(op.MatMul(op.Softmax(attention, axis=-1), values), perm=[0, 2, 1, 3])
    merged = op.Reshape(mixed, op.Concat(count, area, channels, axis=0), allowzero=1)
    attended = tokens + (op.MatMul(merged, op.Transpose(proj_weight, perm=[1, 0])) + proj_bias)

    normalised = op.LayerNormalization(attended, norm2_weight, norm2_bias, axis=-1, epsilon=epsilon)
    hidden = op.Gelu(op.MatMul(normalised, op.Transpose(fc1_weight, perm=[1, 0])) + fc1_bias)
    result = attended + (op.MatMul(hidden, op.Transpose(fc2_weight, perm=[1, 0])) + fc2_bias)
    return op.ScatterND(pixels, op.Unsqueeze(positions, [2]), result)


FUNCTIONS: dict[str, OnnxFunction] = {
    name: function for name, function in globals().items() if isinstance(function, OnnxFunction)
}
"""Name of the operator -> its function."""


def define(operators: set[str]) -> list[onnx.FunctionProto]:
    """Write the functions of some operators, and those that they call, as a model file holds them."""
    functions = [FUNCTIONS[name].to_function_proto() for name in sorted(operators)]
    called = {node.op_type for function in functions for node in function.node if node.domain == DOMAIN}
    return functions if called <= operators else define(operators | called)
