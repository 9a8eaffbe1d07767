"""The neighbour table alone, to time it."""

from __future__ import annotations

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import TensorProto, helper

from amsr_deploy import native
from amsr_deploy.descriptor import DOMAIN
from amsr_deploy.export.functions import FUNCTIONS, OPSET
from amsr_deploy.models.operators import VERSION
from amsr_deploy.runtime.backends.onnxruntime import session_options

NAME = "MaskNeighbors"


class NeighborTable:
    """The operator MaskNeighbors in a session of its own."""

    def __init__(self, threads: int) -> None:
        node = helper.make_node(NAME, ["index", "size"], ["neighbors"], domain=DOMAIN)
        graph = helper.make_graph(
            [node],
            "neighbors",
            [helper.make_tensor_value_info(name, TensorProto.INT64, [None]) for name in ("index", "size")],
            [helper.make_tensor_value_info("neighbors", TensorProto.INT32, [None, 9])],
        )
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(DOMAIN, VERSION)]
        functions = [FUNCTIONS[NAME].to_function_proto()]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=10, functions=functions)
        options = session_options(threads)
        native.register(options)
        self._session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])

    def run(self, index: NDArray[np.int64], size: tuple[int, ...]) -> NDArray[np.int32]:
        """Compute the table [Q, 9] of masked pixels [Q] in a picture of a size (height, width)."""
        return self._session.run(None, {"index": index, "size": np.array(size, dtype=np.int64)})[0]
