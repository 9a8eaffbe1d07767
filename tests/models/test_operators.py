"""Every form of an `amsr` operator gives what its PyTorch reference gives, on the same random cases."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx
import onnx.inliner
import onnxruntime as ort
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from operator_cases import (
    Case,
    mask_cases,
    pixel_cases,
    random_mask_cases,
    random_pixel_cases,
    window_layer_case,
    window_layer_cases,
)
from operator_reference import reference

from amsr_deploy import native
from amsr_deploy.descriptor import DOMAIN
from amsr_deploy.export.functions import FUNCTIONS, OPSET, define
from amsr_deploy.models import operators

Form = Callable[..., NDArray]
"""Runs a case; `constants` makes its weights and biases initializers."""


INSTRUCTION_SETS = ("avx512_bf16", "avx512", "avx2", "neon", "portable")


def node_model(
    case: Case, functions: Sequence[onnx.FunctionProto] = (), storage: int = TensorProto.FLOAT, constants: bool = False
) -> onnx.ModelProto:
    """A model of this one node, with float32 inputs and output around a node that works on the storage type.

    Args:
        case: the call.
        functions: model-local functions.
        storage: element type of the node's tensors.
        constants: whether weights and biases are initializers instead of inputs.
    """
    fixed = {name: value for name, value in case.inputs.items() if constants and name.endswith(("weight", "bias"))}
    fed = {name: value for name, value in case.inputs.items() if name not in fixed}
    element = {name: helper.np_dtype_to_tensor_dtype(value.dtype) for name, value in case.inputs.items()}
    cast = [name for name in case.inputs if element[name] == TensorProto.FLOAT and storage != TensorProto.FLOAT]
    names = [f"{name}_cast" if name in cast else name for name in case.inputs]
    is_table = case.operator == "MaskNeighbors"
    result = TensorProto.INT32 if is_table else TensorProto.FLOAT
    nodes = [helper.make_node("Cast", [name], [f"{name}_cast"], to=storage) for name in cast]
    nodes.append(helper.make_node(case.operator, names, ["out"], domain=DOMAIN, **case.attributes))
    nodes.append(helper.make_node("Cast", ["out"], ["result"], to=result))
    graph = helper.make_graph(
        nodes,
        case.operator,
        [helper.make_tensor_value_info(name, element[name], [None] * value.ndim) for name, value in fed.items()],
        [helper.make_tensor_value_info("result", result, None)],
        [numpy_helper.from_array(value, name) for name, value in fixed.items()],
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(DOMAIN, operators.VERSION)]
    return helper.make_model(graph, functions=functions, opset_imports=opsets, ir_version=10)


def run(model: onnx.ModelProto, case: Case, options: ort.SessionOptions | None = None) -> NDArray:
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, {entry.name: case.inputs[entry.name] for entry in session.get_inputs()})[0]


def native_options(threads: int = 1) -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.log_severity_level = 4  # messages of errors that a test expects
    options.intra_op_num_threads = threads
    assert native.register(options)
    return options


def onnx_function(case: Case, constants: bool = False) -> NDArray:
    return run(node_model(case, define({case.operator}), constants=constants), case)


def inlined_function(case: Case, constants: bool = False) -> NDArray:
    """The function as TensorRT and OpenVINO get it."""
    return run(
        onnx.inliner.inline_local_functions(node_model(case, define({case.operator}), constants=constants)), case
    )


def native_form(instruction_set: str, storage: int = TensorProto.FLOAT) -> Form:
    """The native operator, without a function that ONNX Runtime could take instead."""

    def form(case: Case, constants: bool = False) -> NDArray:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv(native.ISA_VARIABLE, instruction_set)
            return run(node_model(case, storage=storage, constants=constants), case, native_options())

    return form


def why_not(instruction_set: str) -> str | None:
    """Why the native form cannot be tested here; None if it can."""
    code = native.inspect()
    if code is None:
        return "the native library is not built: install the package where there is a C++ compiler"
    return None if instruction_set in code.available else f"this CPU has no {instruction_set}"


def needs(instruction_set: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(why_not(instruction_set) is not None, reason=str(why_not(instruction_set)))


needs_native = needs("portable")
NATIVE = [pytest.param(name, marks=needs(name), id=name) for name in INSTRUCTION_SETS]
STORAGE_TYPES = pytest.mark.parametrize(
    ("onnx_type", "torch_type", "rounding"),
    [
        pytest.param(TensorProto.FLOAT16, torch.float16, 2**-11, id="float16"),
        pytest.param(TensorProto.BFLOAT16, torch.bfloat16, 2**-8, id="bfloat16"),
    ],
)
FORMS = [
    pytest.param(onnx_function, id="onnx function"),
    pytest.param(inlined_function, id="inlined function"),
    *(pytest.param(native_form(name), marks=needs(name), id=name) for name in INSTRUCTION_SETS),
]


def assert_equals_reference(
    form: Form, case: Case, storage: torch.dtype = torch.float32, rtol: float = 1e-4, atol: float = 1e-4, **how: bool
) -> None:
    expected, actual = reference(case, storage), form(case, **how)
    assert actual.shape == expected.shape, case.operator
    np.testing.assert_allclose(actual, expected, rtol=rtol, atol=atol, err_msg=case.operator)


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=30)  # which have all values of all parameters, and as many pairs of them as 50
@given(cases=mask_cases() | pixel_cases(), constants=st.booleans())
def test_form_equals_reference(form: Form, cases: list[Case], constants: bool) -> None:
    for case in cases:
        assert_equals_reference(form, case, constants=constants)


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=30)
@given(case=window_layer_cases(), constants=st.booleans())
def test_window_layer_equals_reference(form: Form, case: Case, constants: bool) -> None:
    assert_equals_reference(form, case, constants=constants)


@STORAGE_TYPES
@pytest.mark.parametrize("instruction_set", NATIVE)
@settings(max_examples=16)  # beside test_form_equals_reference, which tests the sums
@given(cases=mask_cases() | pixel_cases())
def test_storage_types_round_only_the_result(
    instruction_set: str, onnx_type: int, torch_type: torch.dtype, rounding: float, cases: list[Case]
) -> None:
    form = native_form(instruction_set, onnx_type)
    for case in cases:
        assert_equals_reference(form, case, torch_type, rtol=rounding, atol=1e-3)


@STORAGE_TYPES
@pytest.mark.parametrize("instruction_set", NATIVE)
@settings(max_examples=25)
@given(case=window_layer_cases())
def test_window_layer_of_storage_types(
    instruction_set: str, onnx_type: int, torch_type: torch.dtype, rounding: float, case: Case
) -> None:
    """Only the result is rounded, except where the CPU multiplies in bfloat16: there the operands are as well."""
    in_bfloat16 = instruction_set == "avx512_bf16" and torch_type == torch.bfloat16
    form = native_form(instruction_set, onnx_type)
    assert_equals_reference(form, case, torch_type, rtol=rounding, atol=0.15 if in_bfloat16 else 1e-3)


@given(cases=mask_cases())
def test_neighbors_follow_their_definition(cases: list[Case]) -> None:
    neighbors, convolution = cases[2], cases[3]
    np.testing.assert_array_equal(reference(neighbors), convolution.inputs["neighbors"])


@pytest.mark.parametrize("channels", [12, 64])
@pytest.mark.parametrize("group", [1, 4])
@pytest.mark.parametrize("instruction_set", NATIVE)
def test_the_number_of_threads_changes_nothing(
    instruction_set: str, group: int, channels: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(native.ISA_VARIABLE, instruction_set)
    cases = random_mask_cases(height=31, width=29, channels=channels, group=group, density=0.4, seed=0)
    for upscale in (1, 2):
        random = np.random.default_rng(upscale)
        cases += random_pixel_cases(random, 31, 29, channels, channels * upscale**2, group, upscale=upscale)
    for case in (*cases, swinir_case(windows=np.arange(0, 42, 2))):
        one, three = (run(node_model(case), case, native_options(threads)) for threads in (1, 3))
        np.testing.assert_array_equal(one, three)
        assert_equals_reference(lambda _, result=one: result, case)


def swinir_case(windows: NDArray[np.int64]) -> Case:
    """A shifted layer of SwinIR's size on a picture of 6 x 7 windows."""
    random = np.random.default_rng(5)
    return window_layer_case(random, windows, (6, 7), channels=60, hidden=120, heads=6, window_size=8, shift=4)


def small_case(operator: str) -> Case:
    """A call on a picture of 5 x 6 pixels with 4 channels."""
    cases = random_mask_cases(height=5, width=6, channels=4, group=1, density=0.5, seed=3)
    cases += random_pixel_cases(np.random.default_rng(3), height=5, width=6, inputs=4, outputs=4)
    return next(case for case in cases if case.operator == operator)


@needs_native
def test_a_window_named_twice_in_a_row_is_computed_once() -> None:
    """So that a selection may be padded with its last entry."""
    once, padded = (swinir_case(np.array(windows)) for windows in ([3, 7], [3, 7, 7, 7]))
    for options in (None, native_options()):
        functions = [] if options else define({"WindowLayer"})
        result = run(node_model(padded, functions), padded, options)
        np.testing.assert_allclose(result, reference(once), rtol=1e-4, atol=1e-4)


@needs_native
def test_the_native_kernel_goes_before_the_function() -> None:
    case = small_case("MaskGather")
    function = FUNCTIONS["MaskGather"].to_function_proto()
    wrong = onnx.FunctionProto()
    wrong.CopyFrom(function)
    wrong.node.append(helper.make_node("Neg", [function.output[0]], ["negative"]))
    wrong.output[0] = "negative"
    np.testing.assert_array_equal(run(node_model(case, [wrong]), case), -reference(case))
    np.testing.assert_array_equal(run(node_model(case, [wrong]), case, native_options()), reference(case))


@needs_native
@pytest.mark.parametrize(
    "case", [small_case("MaskScatter"), swinir_case(np.array([0, 40, 41]))], ids=lambda case: case.operator
)
def test_what_others_still_read_stays(case: Case) -> None:
    """In place is allowed only where nobody reads the old pixels afterwards."""
    model = node_model(case)
    del model.graph.node[-1]
    model.graph.node.insert(0, helper.make_node("Neg", ["pixels"], ["negative"]))
    model.graph.node[1].input[list(case.inputs).index("pixels")] = "negative"
    model.graph.node.append(helper.make_node("Sub", ["out", "negative"], ["result"]))
    pixels = case.inputs["pixels"]
    expected = reference(Case(case.operator, {**case.inputs, "pixels": -pixels}, case.attributes)) + pixels
    np.testing.assert_allclose(run(model, case, native_options()), expected, rtol=1e-4, atol=1e-4)


@needs_native
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"windows": np.array([0, 42])}, r"windows\[1\] = 42 is not in \[0, 42\)"),
        ({"windows": np.array([0, 1, 0])}, r"windows\[2\] = 0 is smaller than the one before, 1"),
        ({"size": np.array([48, 55])}, "size 48 x 55 is not a multiple of 8"),
        ({"qkv_bias": np.zeros(60, np.float32)}, r"axis 0 of qkv_bias \(3\*C\) is 60, not 180"),
        (
            {"position_bias": np.zeros((6, 64, 9), np.float32)},
            r"axis 2 of position_bias \(window_size\*window_size\) is 9, not 64",
        ),
        ({"pixels": np.zeros((48 * 56, 54), np.float32)}, r"axis 0 of norm1_weight \(C\) is 60, not 54"),
    ],
)
@pytest.mark.parametrize("constants", [False, True])
def test_a_bad_window_layer_is_refused(changes: dict[str, NDArray], message: str, constants: bool) -> None:
    case = swinir_case(np.array([1]))
    broken = Case("WindowLayer", {**case.inputs, **changes}, case.attributes)
    with pytest.raises(Exception, match=message):
        run(node_model(broken, constants=constants), broken, native_options())


@needs_native
@pytest.mark.parametrize(
    ("operator", "changes", "message"),
    [
        ("MaskGather", {"index": np.array([0, 30])}, r"index\[1\] = 30 is not in \[0, 30\)"),
        ("MaskScatter", {"index": np.full(16, -1)}, r"index\[0\] = -1 is not in \[0, 30\)"),
        ("MaskGather", {"index": np.array([3, 3, 2, 9])}, r"index\[2\] = 2 is smaller than the one before, 3"),
        ("MaskScatter", {"index": np.arange(16)[::-1].copy()}, r"index\[1\] = 14 is smaller than the one before, 15"),
        ("MaskNeighbors", {"index": np.array([7, 0])}, r"index\[1\] = 0 is smaller than the one before, 7"),
        ("MaskScatter", {"index": np.array([0])}, r"axis 0 of index \(Q\) is 1, not 16"),
        ("MaskNeighbors", {"size": np.array([5, 0])}, "size 5 x 0 is not that of a picture"),
        ("MaskedConv2d", {"neighbors": np.full((16, 9), 99, np.int32)}, "neighbors names a row beyond"),
        ("MaskedConv2d", {"bias": np.zeros(3, np.float32)}, r"axis 0 of bias \(Co\) is 3, not 4"),
        ("MaskedConv2dAdd", {"residual": np.zeros((3, 4), np.float32)}, r"axis 0 of residual \(Q\) is 3, not 16"),
        ("Pointwise2", {"rows2": np.zeros((16, 5), np.float32)}, r"axis 1 of rows2 \(C\) is 5, not 4"),
        ("Pointwise3", {"weight": np.zeros((4, 10), np.float32)}, r"axis 1 of weight \(3\*C\) is 10, not 12"),
        ("PixelConv2d", {"size": np.array([5, 7])}, "size 5 x 7 is not that of 30 pixels"),
        ("PixelConv2d", {"weight": np.zeros((4, 4, 2, 2), np.float32)}, "k is 2, not an odd number"),
        ("PixelConv2d", {"weight": np.zeros((4, 4, 3, 1), np.float32)}, r"axis 3 of weight \(k\) is 1, not 3"),
        ("PixelConv2d", {"size": np.array([[5], [6]])}, "size has 2 axes, not 1"),
        (
            "PixelConv2dAdd",
            {"residual": np.zeros((30, 3), np.float32)},
            r"axis 1 of residual \(Co/upscale/upscale\) is 3, not 4",
        ),
    ],
)
def test_bad_input_is_refused(operator: str, changes: dict[str, NDArray], message: str) -> None:
    case = small_case(operator)
    broken = Case(operator, {**case.inputs, **changes}, case.attributes)
    with pytest.raises(ort.capi.onnxruntime_pybind11_state.InvalidArgument, match=message):
        run(node_model(broken), broken, native_options())


@needs_native
@pytest.mark.parametrize(
    ("operator", "changes", "message"),
    [
        ("MaskNeighbors", {"kernel_size": 4}, "kernel_size is 4, not an odd number"),
        ("MaskNeighbors", {"kernel_size": -3}, r"attribute kernel_size is -3, not in \[1, 255\]"),
        ("MaskedConv2d", {"group": 3}, "Ci/group is not a whole number: 4 is not a multiple of 3"),
        ("MaskedConv2d", {"group": 1.0}, "attribute group must be an integer"),
        ("MaskedConv2d", {"negative_slope": 1}, "attribute negative_slope must be a floating-point number"),
        ("MaskedConv2d", {"group": [1]}, "attribute group must be an integer"),
        ("MaskedConv2d", {"group": "1"}, "attribute group must be an integer"),
        ("MaskedConv2d", {"negative_slope": [0.5]}, "attribute negative_slope must be a floating-point number"),
        ("PixelConv2d", {"upscale": 3}, "Co/upscale/upscale is not a whole number: 4 is not a multiple of 3"),
        ("PixelConv2d", {"upscale": 17}, r"attribute upscale is 17, not in \[1, 16\]"),
    ],
)
def test_bad_attributes_are_refused(operator: str, changes: dict[str, Any], message: str) -> None:
    case = small_case(operator)
    broken = Case(operator, case.inputs, {**case.attributes, **changes})
    with pytest.raises(Exception, match=message):
        run(node_model(broken), broken, native_options())


@needs_native
def test_an_instruction_set_that_cannot_be_had_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(native.ISA_VARIABLE, "sse9")
    case = small_case("MaskedConv2d")
    with pytest.raises(Exception, match=r"AMSR_CPU_ISA=sse9 is not available here; use one of: .*portable"):
        run(node_model(case), case, native_options())


@needs_native
@pytest.mark.parametrize("storage", [TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16])
def test_type_is_inferred_where_axes_have_names(storage: int) -> None:
    """ONNX Runtime asks one of an operator's typed registrations about all types, once it knows all shapes."""
    pixels = helper.make_tensor_value_info("pixels", storage, ["P", 4])
    index = helper.make_tensor_value_info("index", TensorProto.INT64, ["Q"])
    rows = helper.make_tensor_value_info("rows", storage, ["Q", 4])
    node = helper.make_node("MaskGather", ["pixels", "index"], ["rows"], domain=DOMAIN)
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(DOMAIN, operators.VERSION)]
    graph = helper.make_graph([node], "named axes", [pixels, index], [rows])
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    session = ort.InferenceSession(model.SerializeToString(), native_options(), providers=["CPUExecutionProvider"])
    assert session.get_outputs()[0].shape == ["Q", 4]


@needs_native
def test_a_product_of_axes_that_no_number_holds_is_not_inferred() -> None:
    shapes = {"pixels": [2**60, 4], "weight": [16, 4, 3, 3], "bias": [16]}
    inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()]
    inputs.insert(1, helper.make_tensor_value_info("size", TensorProto.INT64, [2]))
    out = helper.make_tensor_value_info("out", TensorProto.FLOAT, ["pixels", "channels"])
    names = [value.name for value in inputs]
    node = helper.make_node("PixelConv2d", names, ["out"], domain=DOMAIN, upscale=4)
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(DOMAIN, operators.VERSION)]
    graph = helper.make_graph([node], "large", inputs, [out])
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    session = ort.InferenceSession(model.SerializeToString(), native_options(), providers=["CPUExecutionProvider"])
    assert session.get_outputs()[0].shape == ["pixels", "channels"]
