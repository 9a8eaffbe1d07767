"""What is said of each picture of a command, and how many were done."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from amsr_deploy.commands.bar import Bar
from amsr_deploy.commands.messages import failure_text, report_failure
from amsr_deploy.commands.pictures.inputs import Input
from amsr_deploy.commands.pictures.outputs import SkippedError
from amsr_deploy.commands.report_file import write_report
from amsr_deploy.files import STANDARD

if TYPE_CHECKING:
    from _typeshed import DataclassInstance as Done  # what became of a picture; as text it is a line for users


@dataclass
class Reporter:
    """Says what became of each picture.

    Attributes:
        quiet: print errors only.
        json_file: where a JSON object for each picture goes, in place of lines; `-` is standard output.
        to_stderr: print lines there, because standard output holds a picture.
        finished: pictures that were done, so far.
        failures: those that failed.
        entries: lines for the JSON file.
    """

    quiet: bool = False
    json_file: Path | None = None
    to_stderr: bool = False
    finished: int = 0
    failures: int = 0
    entries: list[str] = field(default_factory=list)

    def tell(self, bar: Bar, source: Input, result: Done | Exception) -> None:
        """Say what became of a picture: its report, why it is skipped, or why it failed."""
        named = {"input": str(source)}
        if isinstance(result, SkippedError):
            self._show(bar, str(result), named | {"skipped": str(result)})
        elif isinstance(result, Exception):
            self.failures += 1
            if self.json_file:
                self._show(bar, "", named | {"error": failure_text(result)})
            report_failure(result)
        else:
            self.finished += 1
            self._show(bar, str(result), named | asdict(result))

    def close(self) -> None:
        """Write the JSON file."""
        write_report(self.json_file, "".join(f"{entry}\n" for entry in self.entries))

    def _show(self, bar: Bar, line: str, values: Mapping[str, Any]) -> None:
        if self.json_file == STANDARD:
            bar.print(json.dumps(values), err=self.to_stderr)
        elif self.json_file:
            self.entries.append(json.dumps(values))
        if not self.quiet and line and self.json_file != STANDARD:
            bar.print(line, err=self.to_stderr)
