"""Every form of an `amsr` operator gives what its PyTorch reference gives, on the same random cases."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from hypothesis import given
from numpy.typing import NDArray
from onnx import helper
from operator_cases import Case, mask_cases, window_cases

from amsr_deploy.export.functions import FUNCTIONS, OPSET
from amsr_deploy.models import operators

Form = Callable[[Case], NDArray]

REFERENCES: dict[str, Callable[..., torch.Tensor]] = {
    "MaskGather": operators.mask_gather,
    "MaskScatter": operators.mask_scatter,
    "MaskNeighbors": operators.mask_neighbors,
    "MaskedConv2d": operators.masked_conv2d,
    "WindowGather": operators.window_gather,
    "WindowScatter": operators.window_scatter,
}


def reference(case: Case) -> NDArray:
    inputs = [torch.from_numpy(value) for value in case.inputs.values()]
    return REFERENCES[case.operator](*inputs, *case.attributes.values()).numpy()


def onnx_function(case: Case) -> NDArray:
    return run_node(case, functions=[FUNCTIONS[case.operator].to_function_proto()])


def run_node(case: Case, functions: list[onnx.FunctionProto]) -> NDArray:
    """Run a model of this one node in ONNX Runtime."""
    node = helper.make_node(case.operator, list(case.inputs), ["out"], domain=operators.DOMAIN, **case.attributes)
    inputs = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(value.dtype), [None] * value.ndim)
        for name, value in case.inputs.items()
    ]
    output = helper.make_empty_tensor_value_info("out")
    output.type.tensor_type.elem_type = onnx.TensorProto.INT32 if case.operator == "MaskNeighbors" else 1
    graph = helper.make_graph([node], case.operator, inputs, [output])
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(operators.DOMAIN, operators.VERSION)]
    model = helper.make_model(graph, functions=functions, opset_imports=opsets, ir_version=10)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, case.inputs)[0]


FORMS: dict[str, Form] = {"onnx function": onnx_function}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@given(cases=mask_cases() | window_cases())
def test_form_equals_reference(form: Form, cases: list[Case]) -> None:
    for case in cases:
        expected = reference(case)
        actual = form(case)
        assert actual.shape == expected.shape, case.operator
        np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-4, err_msg=case.operator)


@given(cases=mask_cases())
def test_neighbors_follow_their_definition(cases: list[Case]) -> None:
    neighbors, convolution = cases[2], cases[3]
    np.testing.assert_array_equal(reference(neighbors), convolution.inputs["neighbors"])
