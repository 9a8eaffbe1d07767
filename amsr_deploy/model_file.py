"""Reads the metadata of an ONNX file alone, without the onnx package and without a session."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from amsr_deploy.errors import ModelError
from amsr_deploy.metadata import Metadata

METADATA_PROPS = 14
"""Number of the field in ONNX's ModelProto; each entry holds a key (1) and a value (2)."""
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
"""Wire types of Protocol Buffers."""


def read_metadata(path: Path) -> Metadata:
    """Read the metadata of a model file.

    Raises:
        ModelError: no such file, or not a model of this project.
    """
    try:
        with path.open("rb") as file:
            entries = [dict(_strings(entry)) for entry in _entries(file)]
        return Metadata.from_properties({entry[1].decode(): entry[2].decode() for entry in entries})
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"{path} is not a model of amsr-deploy ({error})") from error


def newest_export(folder: Path) -> Path | None:
    """Find the newest model of this project in a folder."""
    for path in sorted(folder.glob("*.onnx"), key=lambda path: path.stat().st_mtime, reverse=True):
        try:
            read_metadata(path)
        except ModelError:
            continue
        return path
    return None


def _entries(file: BinaryIO) -> Iterator[bytes]:
    """Read the fields METADATA_PROPS of a message in a file; others are skipped, however long they are.

    Raises:
        ValueError: not a message.
    """
    end = os.fstat(file.fileno()).st_size
    while file.tell() < end:
        tag = _varint(file)
        number, wire = tag >> 3, tag & 7
        if wire == VARINT:
            _varint(file)
            continue
        length = {FIXED64: 8, FIXED32: 4}.get(wire) if wire != BYTES else _varint(file)
        if length is None or file.tell() + length > end:
            raise ValueError("it is damaged, or another kind of file")
        if number == METADATA_PROPS and wire == BYTES:
            yield file.read(length)
        else:
            file.seek(length, os.SEEK_CUR)


def _varint(file: BinaryIO) -> int:
    value = shift = 0
    while True:
        byte = file.read(1)
        if not byte or shift > 63:
            raise ValueError("it is damaged, or another kind of file")
        value |= (byte[0] & 0x7F) << shift
        shift += 7
        if byte[0] < 0x80:
            return value


def _strings(message: bytes) -> Iterator[tuple[int, bytes]]:
    """Read the strings of an entry of metadata_props."""
    file = io.BytesIO(message)
    while file.tell() < len(message):
        tag, length = _varint(file), _varint(file)
        yield tag >> 3, file.read(length)
