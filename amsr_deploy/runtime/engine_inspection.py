"""What `amsr inspect` shows of an engine: neither a GPU nor TensorRT is needed to ask."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from rich.table import Table

from amsr_deploy import tables
from amsr_deploy.console import output_console
from amsr_deploy.errors import AmsrError
from amsr_deploy.runtime.engine_check import check_file, check_machine
from amsr_deploy.runtime.flavour import load_flavour
from amsr_deploy.runtime.gpu import find_gpu
from amsr_deploy.sidecar import Sidecar, read_sidecar


def print_engine(engine: Path) -> None:
    """Print an engine's inputs, what it runs on, whether that is here, cost and metadata as tables.

    Raises:
        EngineError: no such engine, or no sidecar beside it.
    """
    sidecar = read_sidecar(engine)
    console = output_console()
    for table in (
        inputs(sidecar),
        facts(engine, sidecar),
        tables.cost(sidecar.model),
        tables.properties(sidecar.model),
    ):
        console.print(table)


def inputs(sidecar: Sidecar) -> Table:
    """Inputs with the shapes that the engine was built for."""
    table = Table("input", "smallest", "optimal", "largest", title="Inputs", title_justify="left")
    for name, shapes in sidecar.profile.items():
        table.add_row(name, *("x".join(map(str, shape)) for shape in shapes))
    return table


def facts(engine: Path, sidecar: Sidecar) -> Table:
    """The file, and what it runs on."""
    table = Table("property", "value", title="Engine", title_justify="left")
    data = engine.read_bytes()
    where = "the engine" if sidecar.carries_plugins else "a library"
    for name, value in {
        "size": f"{len(data) / 1e6:.1f} MB",
        "file": _verdict(lambda: check_file(engine, sidecar, data), "as it was built"),
        "built from": sidecar.source,
        "built with": f"{sidecar.flavour} {sidecar.version} on {sidecar.platform}",
        "runs on": sidecar.gpu or "RTX GPUs of sm_{}{} or newer".format(*sidecar.compute_capability),
        "runs here": _verdict(lambda: _check_here(engine, sidecar), "yes"),
        "plugins": f"version {sidecar.plugins}, in {where}" if sidecar.plugins else "none",
        "built by": sidecar.command,
    }.items():
        table.add_row(name, value)
    return table


def _check_here(engine: Path, sidecar: Sidecar) -> None:
    check_machine(engine, sidecar, find_gpu(), load_flavour(sidecar.flavour))


def _verdict(check: Callable[[], None], good: str) -> str:
    """What a check finds."""
    try:
        check()
    except AmsrError as error:
        return f"no: {error}"
    return good
