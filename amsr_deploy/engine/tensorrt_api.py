"""The calls of the TensorRT Python API that turn an ONNX graph into an engine."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import onnx
import onnx.inliner
from rich.console import Console
from rich.progress import Progress

from amsr_deploy.descriptor import DOMAIN
from amsr_deploy.engine.plugin_graph import choose_in_place, pass_image_for_size
from amsr_deploy.engine.progress import make_monitor
from amsr_deploy.errors import EngineError
from amsr_deploy.files import write_cache
from amsr_deploy.runtime.backends.tensorrt.edition import Edition, version_numbers
from amsr_deploy.runtime.backends.tensorrt.log import Log, logger_of, start
from amsr_deploy.runtime.backends.tensorrt.plugins import Plugins
from amsr_deploy.runtime.backends.tensorrt.sidecar import Profile
from amsr_deploy.system.display import displayed

IN_PLACE_FROM = (10, 7)
"""First version of TensorRT in which plugins overwrite their input by default: a preview feature."""
_IN_PLACE = "ALIASED_PLUGIN_IO_10_03"
_RESIZED = "RUNTIME_ACTIVATION_RESIZE_10_10"  # memory follows from the current picture, not from the largest one


@dataclass(frozen=True)
class Built:
    """An engine and the warnings of TensorRT."""

    engine: bytes
    warnings: list[str]


def prepare_graph(model: onnx.ModelProto, plugins: Plugins | None, in_place: bool = False) -> onnx.ModelProto:
    """Copy a model, its `amsr` nodes as plugins where there is one, and as standard operators elsewhere.

    TensorRT's parser expands functions too, but gives the nodes of each expansion the same names. With `in_place`,
    plugins may write over their input.
    """
    operators = plugins.operators if plugins else frozenset[str]()
    expanded = [(f.domain, f.name) for f in model.functions if not (f.domain == DOMAIN and f.name in operators)]
    prepared = onnx.inliner.inline_selected_functions(model, expanded)
    del prepared.functions[:]
    pass_image_for_size(prepared)
    choose_in_place(prepared, in_place)
    return prepared


def build(
    edition: Edition,
    model: onnx.ModelProto,
    profile: Profile,
    plugins: Plugins | None,
    timing_cache: Path | None,
    console: Console,
    in_place: bool,
) -> Built:
    """Build an engine; an interrupt stops it.

    Args:
        edition: what builds.
        model: as `prepare_graph` made it; its types are the engine's.
        profile: shapes of all inputs.
        plugins: those that the model needs; their library goes into the engine.
        timing_cache: file that keeps the timings of kernels from build to build; None keeps none.
        console: where bars are shown, if it is a terminal.
        in_place: whether plugins may write over their input, as they were told in the graph: a preview feature.

    Raises:
        EngineError: TensorRT's message, in one line.
        BackendError: TensorRT does not start.
    """
    trt = edition.trt
    builder, log = start(edition, trt.Builder)
    network = builder.create_network(_strongly_typed(trt))
    parser = trt.OnnxParser(network, builder.logger)
    if not parser.parse(model.SerializeToString()):
        raise EngineError(f"{edition.name} {edition.version} cannot parse the model: {_parser_error(parser, log)}")
    config = builder.create_builder_config()
    optimization = builder.create_optimization_profile()
    for name, shapes in profile.items():
        optimization.set_shape(name, *shapes)
    if config.add_optimization_profile(optimization) < 0:
        raise EngineError(f"{edition.name} {edition.version} does not take these shapes: {log.summary()}")
    _set_previews(trt, config, in_place)
    _let_graphs_be_captured(trt, config)
    if plugins:
        config.plugins_to_serialize = [str(plugins.library)]
    cache = _attach_cache(config, timing_cache)
    built = _run(edition, builder, network, config, console)
    if timing_cache and cache:
        write_cache(timing_cache, bytes(cache.serialize()), "timings")
    return Built(built.engine, [*log.warnings, *built.warnings])


def _strongly_typed(trt: ModuleType) -> int:
    """Make the network's flags: its types are those of the graph. From TensorRT 11 on all networks are so."""
    flag = getattr(trt.NetworkDefinitionCreationFlag, "STRONGLY_TYPED", None)
    return 0 if flag is None else 1 << int(flag)


def writes_in_place(edition: Edition) -> bool:
    """Tell whether plugins overwrite their input by default."""
    return edition.has_plugins and version_numbers(edition.version)[:2] >= IN_PLACE_FROM


def _set_previews(trt: ModuleType, config: Any, in_place: bool) -> None:
    """Set preview features where this version has them; engines work without them too."""
    for name, wanted in ((_IN_PLACE, in_place), (_RESIZED, True)):
        feature = getattr(trt.PreviewFeature, name, None)
        if feature is not None:
            config.set_preview_feature(feature, wanted)


def _let_graphs_be_captured(trt: ModuleType, config: Any) -> None:
    """Let CUDA graphs capture runs: unless told, TensorRT for RTX allocates during runs of large shapes."""
    flag = getattr(trt.BuilderFlag, "REQUIRE_USER_ALLOCATION", None)
    if flag is not None:
        config.set_flag(flag)


def _parser_error(parser: Any, log: Log) -> str:
    """Return the parser's first error, where it is a plugin's in the words of that, and how many there are."""
    error = parser.get_error(0)
    said = next((line for line in log.errors if line.startswith(f"{DOMAIN} ")), error.desc())
    more = f" (and {parser.num_errors - 1} more)" if parser.num_errors > 1 else ""
    return f"{error.node_operator()} node {error.node_name()}: {' '.join(said.split())}{more}"


def _run(edition: Edition, builder: Any, network: Any, config: Any, console: Console) -> Built:
    """Serialize the engine in a thread of its own, because TensorRT ignores interrupts."""
    cancelled = threading.Event()
    bars = Progress(console=console, transient=True, disable=not console.is_terminal)
    with displayed(bars), ThreadPoolExecutor(1) as thread:
        config.progress_monitor = make_monitor(edition.trt, bars, cancelled)
        try:
            return thread.submit(_serialize, edition, builder, network, config).result()
        except KeyboardInterrupt:
            cancelled.set()
            console.print("stopping after the current step")
            raise


def _serialize(edition: Edition, builder: Any, network: Any, config: Any) -> Built:
    """Serialize the engine, with what the log has of this thread."""
    _, log = logger_of(edition.trt)
    engine = builder.build_serialized_network(network, config)
    if engine is None:
        raise EngineError(f"{edition.name} {edition.version} cannot build the engine: {log.summary()}")
    return Built(bytes(engine), list(log.warnings))


def _attach_cache(config: Any, path: Path | None) -> Any:
    """Attach the timing cache of a file; a new one where it is missing or of another device or version."""
    if path is None:
        return None
    stored = path.read_bytes() if path.is_file() else b""
    for data in (stored, b""):
        cache = config.create_timing_cache(data)
        if cache is not None and config.set_timing_cache(cache, False):
            return cache
    return None
