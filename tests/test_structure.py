"""The direction of imports, as docs/architecture.md draws it, and where commands are."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from conftest import ROOT

from amsr_deploy.cli import main

PACKAGE = ROOT / "amsr_deploy"
LAYERS = (
    ("errors", "dependencies", "descriptor", "interrupts", "json_fields", "numeric", "system", "versions", "wording"),
    ("metadata", "model_file", "files", "native"),
    ("mask", "image", "models"),
    ("runtime.backends",),
    ("runtime",),
    ("export", "engine", "evaluation", "training", "video"),
    ("commands",),
    ("cli",),
)
"""Each imports from those before it, and from itself."""
ENTRIES = ("", "__main__")
"""What users import or run: it may import from everything."""


def modules() -> dict[str, Path]:
    """All modules of the package by their name below it."""
    paths = {".".join(path.relative_to(PACKAGE).with_suffix("").parts): path for path in PACKAGE.rglob("*.py")}
    return {name.removesuffix("__init__").rstrip("."): path for name, path in paths.items()}


def imports(path: Path, known: set[str]) -> Iterator[str]:
    """The modules of the package that a file imports, at any place."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "amsr_deploy":
            module = node.module.removeprefix("amsr_deploy").lstrip(".")
            for alias in node.names:
                name = f"{module}.{alias.name}".lstrip(".")
                yield name if name in known else module


def layer(module: str) -> int:
    """The layer of a module: that of the longest name which it is or is below."""
    found = {
        name: number for number, names in enumerate(LAYERS) for name in names if f"{module}.".startswith(f"{name}.")
    }
    assert found, f"{module} is in no layer"
    return found[max(found, key=len)]


def test_imports_lead_down() -> None:
    known = modules()
    pairs = {(name, other) for name in set(known) - set(ENTRIES) for other in imports(known[name], set(known)) if other}
    assert not {(name, other) for name, other in pairs if layer(other) > layer(name)}


def test_no_module_imports_itself_in_a_circle() -> None:
    known = modules()
    graph = {name: set(imports(path, set(known))) - {name, ""} for name, path in known.items() if name not in ENTRIES}
    for name in graph:  # a package's own modules are imported after it
        graph[name] -= {name.rpartition(".")[0]}
    assert set(graph) <= set(TopologicalSorter(graph).static_order())  # it raises CycleError for a circle


@pytest.mark.parametrize("name", main.commands)
def test_every_command_is_run_by_the_module_of_its_name(name: str) -> None:
    module = ast.parse((PACKAGE / "commands" / f"{name.replace('-', '_')}.py").read_text())
    (run,) = [node for node in module.body if isinstance(node, ast.FunctionDef) and node.name == "run"]
    options = {parameter.name for parameter in main.commands[name].params if parameter.expose_value}
    taken = {argument.arg for argument in run.args.args}
    assert taken <= options if run.args.kwarg else taken == options
    assert run.returns is not None
    assert ast.unparse(run.returns) == "int"
