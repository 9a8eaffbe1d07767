"""The neighbour table alone, to time it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper

from amsr_deploy.descriptor import DOMAIN
from amsr_deploy.evaluation.bench.session import open_graph
from amsr_deploy.export.functions import define

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
        self._session = open_graph(graph, threads, define({NAME}))

    def run(self, index: NDArray[np.int64], size: tuple[int, ...]) -> NDArray[np.int32]:
        """Compute the table [Q, 9] of masked pixels [Q] in a picture of a size (height, width)."""
        return self._session.run(None, {"index": index, "size": np.array(size, dtype=np.int64)})[0]
