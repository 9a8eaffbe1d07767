"""What was measured: a file of JSON lines, to which each measurement is added at once, so that a run can go on."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

Record = dict[str, Any]
DIGITS = 5
"""After the point, of stored values."""


class Store:
    """Measurements by their keys.

    Each line of the file is `{"key": ..., "value": ..., "cpu": seconds}`, with the processor time that it took. A line
    that was cut off by a stop is left out and measured again.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._values: dict[str, Record] = {}
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        self._is_cut_off = bool(text) and not text.endswith("\n")
        for line in text.splitlines():
            try:
                self._take(json.loads(line))
            except json.JSONDecodeError:
                continue

    def has(self, key: Record) -> bool:
        """Tell whether something was measured."""
        return _name(key) in self._values

    def measure(self, key: Record, run: Callable[[], Record]) -> None:
        """Measure what is not there yet, and store it."""
        if not self.has(key):
            start = time.process_time()
            self.put(key, run(), time.process_time() - start)

    def put(self, key: Record, value: Record, cpu: float) -> None:
        """Store a measurement and the seconds of processor time that it took."""
        entry = {"key": key, "value": _rounded(value), "cpu": round(cpu, 2)}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(("\n" if self._is_cut_off else "") + json.dumps(entry, allow_nan=False) + "\n")
        self._is_cut_off = False
        self._take(entry)

    def records(self, kind: str) -> list[Record]:
        """Find the measurements of a kind, keys and values together, of the newest weights of each model."""
        found = [record for record in self._values.values() if record["kind"] == kind]
        newest = {record.get("model"): record.get("weights") for record in self._values.values()}
        return [record for record in found if record.get("weights") == newest[record.get("model")]]

    def _take(self, entry: Record) -> None:
        name = _name(entry["key"])
        self._values.pop(name, None)
        self._values[name] = entry["key"] | entry["value"] | {"cpu": entry["cpu"]}


def where(records: Iterable[Record], **conditions: Any) -> list[Record]:
    """Find the records that have certain values."""
    return [record for record in records if all(record.get(name) == value for name, value in conditions.items())]


def mean(records: Iterable[Record], *names: str) -> Record:
    """Average some values."""
    table = list(records)
    return {name: float(np.mean([record[name] for record in table])) for name in names}


def common(*groups: Iterable[Record]) -> Iterator[list[Record]]:
    """Yield each group without the pictures that are not in all of them: means are compared over the same pictures."""
    lists = [list(group) for group in groups]
    shared = set[str]().union(*({record["picture"] for record in group} for group in lists))
    shared = shared.intersection(*({record["picture"] for record in group} for group in lists))
    for group in lists:
        yield [record for record in group if record["picture"] in shared]


def values(records: Iterable[Record], name: str) -> list[Any]:
    """List the different values of a name, in the order of their appearance."""
    return list(dict.fromkeys(record.get(name) for record in records))


def _name(key: Record) -> str:
    return json.dumps(key, sort_keys=True)


def _rounded(value: Any) -> Any:
    if isinstance(value, float | np.floating):
        return round(float(value), DIGITS)
    if isinstance(value, dict):
        return {name: _rounded(part) for name, part in value.items()}
    return [_rounded(part) for part in value] if isinstance(value, list | tuple) else value
