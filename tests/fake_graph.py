"""CUDA graphs imitated on the CPU: what a function does to tensors is recorded without effect, then done again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

WAITING = {
    torch.ops.aten.bincount.default: "its size depends on values",
    torch.ops.aten.lift_fresh.default: "a tensor is made on the CPU and copied",
    torch.ops.aten.masked_select.default: "its size depends on values",
    torch.ops.aten.nonzero.default: "its size depends on values",
    torch.ops.aten._local_scalar_dense.default: "a value is asked for",
}
"""Operations that a GPU refuses in a capture, and why."""


class FakeGraph(TorchDispatchMode):
    """Records operations on tensors with the tensors themselves."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[Any, Any, Any, list[Tensor]]] = []
        self._before: dict[int, tuple[Tensor, Tensor]] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in WAITING:
            raise RuntimeError(f"operation not permitted when stream is capturing: {func}: {WAITING[func]}")
        kwargs = kwargs or {}
        values = dict(zip((argument.name for argument in func._schema.arguments), args, strict=False)) | kwargs
        for argument in func._schema.arguments:
            if argument.alias_info and argument.alias_info.is_write:
                for tensor in tree_leaves(values[argument.name]):
                    self._before.setdefault(id(tensor), (tensor, tensor.clone()))
        result = func(*args, **kwargs)
        self.calls.append((func, args, kwargs, tensors_of(result)))
        return result

    def undo(self) -> None:
        """Give all tensors the values that they had before."""
        for tensor, value in self._before.values():
            tensor.copy_(value)
        self._before.clear()

    @torch.no_grad()
    def replay(self) -> None:
        """Do it all again, from and into the tensors of the record."""
        for func, args, kwargs, results in self.calls:
            for old, new in zip(results, tensors_of(func(*args, **kwargs)), strict=True):
                if old.untyped_storage().data_ptr() != new.untyped_storage().data_ptr():
                    old.copy_(new)


def tensors_of(result: Any) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(result) if isinstance(leaf, Tensor)]


@contextmanager
def capturing(graph: FakeGraph, **_: object) -> Iterator[None]:
    try:
        with graph:
            yield
    finally:
        with torch.no_grad():
            graph.undo()


def imitate_graphs(patch: pytest.MonkeyPatch) -> list[FakeGraph]:
    """Let torch.cuda record on the CPU; returns the graphs as they are made."""
    made: list[FakeGraph] = []

    def new_graph() -> FakeGraph:
        made.append(FakeGraph())
        return made[-1]

    def stream(device: object = None) -> SimpleNamespace:
        return SimpleNamespace(device=device, wait_stream=lambda _: None)

    patch.setattr(torch.cuda, "Stream", stream)
    patch.setattr(torch.cuda, "current_stream", stream)
    patch.setattr(torch.cuda, "stream", lambda _: nullcontext())
    patch.setattr(torch.cuda, "CUDAGraph", new_graph)
    patch.setattr(torch.cuda, "graph", capturing)
    return made
