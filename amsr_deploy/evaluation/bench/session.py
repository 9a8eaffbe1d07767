"""Sessions of ONNX Runtime on the CPU that nothing but a benchmark needs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import onnxruntime as ort
from onnx import FunctionProto, GraphProto, helper

from amsr_deploy import native
from amsr_deploy.descriptor import DOMAIN
from amsr_deploy.export.functions import IR_VERSION, OPSET
from amsr_deploy.models.operators import VERSION
from amsr_deploy.runtime.backends.onnxruntime import session_options


def open_graph(graph: GraphProto, threads: int, functions: Sequence[FunctionProto] = ()) -> ort.InferenceSession:
    """Open a graph in the opsets of an export.

    Args:
        graph: standard operators and those of the domain `amsr`.
        threads: CPU threads.
        functions: of the operators that should run where the native kernels are missing, too.
    """
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(DOMAIN, VERSION)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, functions=functions)
    return open_session(model.SerializeToString(), session_options(threads))


def open_session(model: Path | bytes, options: ort.SessionOptions) -> ort.InferenceSession:
    """Open a model with the native kernels, where they are built."""
    native.register(options)
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
