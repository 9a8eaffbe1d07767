"""Files of tensors in the safetensors format, without its package, so that a training needs PyTorch alone.

A file is the length of its header (8 bytes, little-endian), the header in JSON, and the bytes of the tensors. The
header names each tensor with its type, shape and place, and holds facts as text under METADATA.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

METADATA = "__metadata__"
TYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}
"""Types of PyTorch by their names in a header."""
NAMES = {dtype: name for name, dtype in TYPES.items()}
ALIGNMENT = 8


def serialize(tensors: Mapping[str, Tensor], facts: Mapping[str, str]) -> bytes:
    """Write tensors and facts as the content of a file; the largest types come first, so that each is aligned."""
    header: dict[str, object] = {METADATA: dict(facts)}
    parts: list[bytes] = []
    end = 0
    for name, tensor in sorted(tensors.items(), key=lambda item: (-item[1].element_size(), item[0])):
        parts.append(_bytes_of(tensor))
        start, end = end, end + len(parts[-1])
        header[name] = {"dtype": NAMES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [start, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % ALIGNMENT)
    return b"".join((len(text).to_bytes(8, "little"), text, *parts))


def deserialize(content: bytes) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read the tensors of a file by name, and its facts.

    Raises:
        ValueError: not such a file, or not a whole one.
    """
    length = int.from_bytes(content[:8], "little")
    data = bytearray(content[8 + length :])
    try:
        header = json.loads(content[8 : 8 + length])
        facts = header.pop(METADATA, {})
        return {name: _tensor(data, **entry) for name, entry in header.items()}, facts
    except (AttributeError, KeyError, TypeError, RuntimeError, RecursionError) as error:
        raise ValueError(f"its header does not describe its content ({error})") from error


def read(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read the tensors of a file by name, on the CPU, and its facts.

    Raises:
        OSError: it cannot be read.
        ValueError: not such a file, or not a whole one.
    """
    return deserialize(path.read_bytes())


def _bytes_of(tensor: Tensor) -> bytes:
    return tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes()


def _tensor(data: bytearray, dtype: str, shape: list[int], data_offsets: list[int]) -> Tensor:
    start, end = data_offsets
    kind = TYPES[dtype]
    if not 0 <= start <= end <= len(data):
        raise ValueError(f"a tensor at {start} to {end} of {len(data)} bytes: the file is truncated")
    count = (end - start) // kind.itemsize
    values = torch.frombuffer(data, dtype=kind, count=count, offset=start) if count else torch.empty(0, dtype=kind)
    return values.view(shape).clone()
