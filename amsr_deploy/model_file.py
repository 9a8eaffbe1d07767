"""Reads the metadata of an ONNX file alone, without the onnx package and without a session."""

from __future__ import annotations

import io
import mimetypes
import os
import re
from collections.abc import Container, Iterator
from pathlib import Path
from typing import BinaryIO

from amsr_deploy.errors import ModelError
from amsr_deploy.metadata import Metadata

METADATA_PROPS = 14
"""Number of the field in ONNX's ModelProto; each entry holds a key (1) and a value (2)."""
_CHECKPOINT = "a checkpoint; make a model of it with `amsr export --weights`"
_OTHER_KINDS = {
    ".safetensors": _CHECKPOINT,
    ".pth": _CHECKPOINT,
    ".pt": _CHECKPOINT,
    ".engine": "an engine; give the ONNX that it was built from",
}
"""What files of other suffixes are, and what to do."""
_VARINT, _BYTES = 0, 2
"""Wire types of Protocol Buffers."""
_FIXED = {1: 8, 5: 4}
"""Bytes of the other wire types."""


_LOCATION = re.compile(rb"(?:\n|\x8a\x80*\0)(?:\x08|\x88\x80*\0)location")
"""A first field of a message that is `location`, as every tensor with external data has among its properties; Protocol
Buffers may write its number and its length longer than need be."""


def read_single_file(path: Path) -> bytes:
    """Read a model file whose weights are all in it.

    Raises:
        ModelError: it names other files, which may be any of this machine.
    """
    content = path.read_bytes()
    if b"location" in content and _LOCATION.search(content):  # the first part is quick
        raise ModelError(f"{path} has weights in other files, which are not read; make one file of it")
    return content


def read_metadata(path: Path) -> Metadata:
    """Read the metadata of a model file.

    Raises:
        ModelError: no such file, one that may not be read, or not a model of this project.
    """
    try:
        with path.open("rb") as file:
            entries = [_strings(value) for _, value in fields(file, {METADATA_PROPS}) if isinstance(value, bytes)]
        properties = {entry[1]: entry[2] for entry in entries}
    except FileNotFoundError as error:
        raise ModelError(f"{path} does not exist; check the name") from error
    except PermissionError as error:
        raise ModelError(f"{path} may not be read; check its permissions") from error
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"{path} is not a model of amsr-deploy: it is {_other_kind(path)}") from error
    try:
        return Metadata.from_properties(properties)
    except ModelError as error:
        raise ModelError(f"{path}: {error}; make one with `amsr export`") from error


def _other_kind(path: Path) -> str:
    """Say what a file is that is no ONNX, as far as its name tells, and what to do."""
    if path.is_dir():
        return "a folder; give a file in it"
    if (mimetypes.guess_type(path.name)[0] or "").startswith("image/"):
        return "a picture; give an ONNX that `amsr export` wrote"
    return _OTHER_KINDS.get(path.suffix.lower(), "damaged, or another kind of file; make one with `amsr export`")


def _strings(message: bytes) -> dict[int, str]:
    """Read the strings of an entry of metadata_props."""
    return {number: value.decode() for number, value in fields(io.BytesIO(message)) if isinstance(value, bytes)}


def fields(file: BinaryIO, wanted: Container[int] | None = None) -> Iterator[tuple[int, int | bytes]]:
    """Yield the fields of a message of Protocol Buffers by number, in their order.

    Args:
        file: the message from its first to its last byte.
        wanted: numbers of the fields to read; others are passed over, however long they are. None is all.

    Raises:
        ValueError: not a message.
    """
    end = file.seek(0, os.SEEK_END)
    file.seek(0)
    while file.tell() < end:
        tag = varint(file)
        number, wire = tag >> 3, tag & 7
        if wire == _VARINT:
            yield number, varint(file)
            continue
        length = _FIXED.get(wire) if wire != _BYTES else varint(file)
        if length is None or file.tell() + length > end:
            raise ValueError("not a message of Protocol Buffers")
        if wanted is None or number in wanted:
            yield number, file.read(length)
        else:
            file.seek(length, os.SEEK_CUR)


def varint(file: BinaryIO) -> int:
    """Read a whole number of Protocol Buffers.

    Raises:
        ValueError: there is none.
    """
    value = shift = 0
    while True:
        byte = file.read(1)
        if not byte or shift > 63:
            raise ValueError("not a message of Protocol Buffers")
        value |= (byte[0] & 0x7F) << shift
        shift += 7
        if byte[0] < 0x80:
            return value
