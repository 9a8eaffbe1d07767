"""Builds engines with the plugins by TensorRT for RTX, and prints as JSON what becomes of each; no test by itself.

It is a program of its own because the parser opens a name under which the wheel has no library: the folder with that
name must be in LD_LIBRARY_PATH before Python starts. AMSR_TENSORRT_PLUGINS names the plugins, standard input has the
cases.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import onnx
import tensorrt_rtx_bindings as trt
from rich.console import Console

from amsr_deploy.engine.half import to_half
from amsr_deploy.engine.tensorrt_api import build, prepare_graph
from amsr_deploy.errors import AmsrError
from amsr_deploy.runtime.backends.tensorrt.edition import Edition
from amsr_deploy.runtime.backends.tensorrt.plugins import Plugins, load_plugins


class WatchedBuilder(trt.Builder):  # type: ignore[misc, name-defined]
    """A builder that counts the plugins of the network."""

    plugins = 0

    def build_serialized_network(self, network: Any, config: Any) -> Any:
        kinds = [network.get_layer(place).type for place in range(network.num_layers)]
        WatchedBuilder.plugins = kinds.count(trt.LayerType.PLUGIN_V3)
        return super().build_serialized_network(network, config)


def outcome(case: dict[str, Any], edition: Edition, plugins: Plugins) -> dict[str, Any]:
    """Say what operators a graph has, and how large the engine is and what is in it, or why there is none."""
    model = onnx.load(case["model"])
    graph = prepare_graph(to_half(model) if case["half"] else model, plugins, case["in_place"])
    nodes = [node.op_type for node in graph.graph.node if node.domain == "amsr"]
    try:
        built = build(edition, graph, case["profile"], plugins, None, Console(), case["in_place"])
    except AmsrError as error:
        return {"nodes": nodes, "error": str(error)}
    return {"nodes": nodes, "plugins": WatchedBuilder.plugins, "bytes": len(built.engine), "warnings": built.warnings}


def main() -> None:
    vars(trt)["Builder"] = WatchedBuilder
    edition = Edition("tensorrt", trt)
    plugins = load_plugins(edition)
    assert plugins
    print(json.dumps({"library": str(plugins.library), "operators": sorted(plugins.operators)}))
    for case in json.load(sys.stdin):
        print(json.dumps(outcome(case, edition, plugins)), flush=True)


if __name__ == "__main__":
    main()
