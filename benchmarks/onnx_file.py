"""The graph of an ONNX file, read without the package `onnx`, which a bare machine lacks.

Field numbers are those of onnx.proto3. Weights keep to raw_data, as our exports have them.
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from amsr_deploy.model_file import fields, varint

TYPES = {1: "<f4", 6: "<i4", 7: "<i8", 9: "?", 10: "<f2"}
"""TensorProto.DataType -> NumPy."""
FLOAT, INT, STRING, TENSOR, INTS = 1, 2, 3, 4, 7
"""AttributeProto.AttributeType."""


@dataclass(frozen=True)
class Node:
    """An operator's call; names of inputs and outputs, "" for an input left out."""

    domain: str
    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any]


@dataclass(frozen=True)
class Graph:
    """A model's graph, its nodes in the order in which they run."""

    nodes: tuple[Node, ...]
    constants: dict[str, NDArray[np.generic]]
    outputs: tuple[str, ...]


def read_graph(path: Path) -> Graph:
    """Read the graph of a model file."""
    model = Message(path.read_bytes())
    graph = Message(model.one(7))
    constants = dict(map(_tensor, graph.all(5)))
    outputs = tuple(Message(value).text(1) for value in graph.all(12))
    return Graph(tuple(map(_node, graph.all(1))), constants, outputs)


class Message:
    """The fields of a message of Protocol Buffers by number."""

    def __init__(self, data: bytes) -> None:
        self._fields: dict[int, list[int | bytes]] = {}
        for number, value in fields(io.BytesIO(data)):
            self._fields.setdefault(number, []).append(value)

    def all(self, number: int) -> list[bytes]:
        """Read every value of a repeated field of strings or messages."""
        return [value for value in self._fields.get(number, []) if isinstance(value, bytes)]

    def one(self, number: int) -> bytes:
        return next(iter(self.all(number)), b"")

    def text(self, number: int) -> str:
        return self.one(number).decode()

    def integer(self, number: int) -> int:
        return next(iter(self.integers(number)), 0)

    def integers(self, number: int) -> list[int]:
        """Read every value of a field of int64, packed or not."""
        values: list[int] = []
        for value in self._fields.get(number, []):
            values += _packed(value) if isinstance(value, bytes) else [value]
        return [value - (1 << 64) if value >> 63 else value for value in values]


def _packed(data: bytes) -> list[int]:
    file = io.BytesIO(data)
    values = []
    while file.tell() < len(data):
        values.append(varint(file))
    return values


def _tensor(data: bytes) -> tuple[str, NDArray[np.generic]]:
    """Read a TensorProto's name and values."""
    message = Message(data)
    kind = TYPES[message.integer(2)]
    shape = message.integers(1)
    raw = message.one(9)
    values = np.frombuffer(raw, kind) if raw else np.array(message.integers(7), kind)
    return message.text(8), values.reshape(shape)


def _node(data: bytes) -> Node:
    message = Message(data)
    attributes = dict(_attribute(Message(value)) for value in message.all(5))
    inputs, outputs = (tuple(name.decode() for name in message.all(number)) for number in (1, 2))
    return Node(message.text(7), message.text(4), inputs, outputs, attributes)


def _attribute(message: Message) -> tuple[str, Any]:
    kind = message.integer(20)
    if kind == FLOAT:
        (value,) = struct.unpack("<f", message.one(2) or bytes(4))
        return message.text(1), value
    if kind == TENSOR:
        return message.text(1), _tensor(message.one(5))[1]
    read = {INT: message.integer, STRING: message.text, INTS: message.integers}[kind]
    return message.text(1), read({INT: 3, STRING: 4, INTS: 8}[kind])
