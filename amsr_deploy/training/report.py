"""Reports of a training while it runs: a progress bar or plain lines, a log file, TensorBoard."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from amsr_deploy.dependencies import install_extra
from amsr_deploy.system.display import displayed
from amsr_deploy.training.schedule import DENSE
from amsr_deploy.training.status import Reporter, Status
from amsr_deploy.training.tensorboard import TensorBoardReporter, is_installed
from amsr_deploy.training.validation import Validation

if TYPE_CHECKING:
    from rich.console import Console

LINE_SECONDS = 15.0
"""Shortest time between two plain lines; validations always get one."""

_log = logging.getLogger(__name__)


class Reporters(Reporter):
    """Several reporters as one."""

    def __init__(self, *reporters: Reporter) -> None:
        self._reporters = reporters

    def message(self, text: str) -> None:
        """See Reporter."""
        for reporter in self._reporters:
            reporter.message(text)

    def status(self, status: Status) -> None:
        """See Reporter."""
        for reporter in self._reporters:
            reporter.status(status)

    def validation(self, validation: Validation) -> None:
        """See Reporter."""
        for reporter in self._reporters:
            reporter.validation(validation)

    def close(self) -> None:
        """See Reporter."""
        for reporter in self._reporters:
            reporter.close()


class LineReporter(Reporter):
    """Plain lines, for logs and pipes."""

    def __init__(self, line: Callable[[str], None]) -> None:
        self._line = line
        self._last = float("-inf")

    def message(self, text: str) -> None:
        """Print a message on a line of its own."""
        self._line(text)

    def status(self, status: Status) -> None:
        """Print a line now and then, and one at the end."""
        now = time.monotonic()
        if now - self._last >= LINE_SECONDS or status.step == status.steps:
            self._last = now
            self._line(f"{status.step}/{status.steps} {figures(status)} {clock(status.remaining)} left")

    def validation(self, validation: Validation) -> None:
        """Print a line."""
        self._line(f"{validation.step} validation PSNR-Y {validation.psnr_y:.3f} dB")


class BarReporter(Reporter):
    """A progress bar, for terminals."""

    def __init__(self, console: Console) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        columns = (TextColumn("{task.fields[facts]}"), BarColumn(None), MofNCompleteColumn())
        self._bar = Progress(*columns, TextColumn("{task.fields[left]} left"), console=console, expand=True)
        self._task = self._bar.add_task("", total=None, facts="", left="-")
        self._psnr = ""
        self._display = ExitStack()
        self._display.enter_context(displayed(self._bar))

    def message(self, text: str) -> None:
        """Print a line above the bar."""
        self._bar.console.print(text, markup=False, highlight=False)

    def status(self, status: Status) -> None:
        """Move the bar."""
        facts, left = figures(status) + self._psnr, clock(status.remaining)
        self._bar.update(self._task, completed=status.step, total=status.steps, facts=facts, left=left)

    def validation(self, validation: Validation) -> None:
        """Show the figure beside the bar from now on."""
        self._psnr = f" PSNR-Y {validation.psnr_y:.2f}"

    def close(self) -> None:
        """Leave the bar as it is."""
        self._display.close()


class LogReporter(Reporter):
    """Writes one JSON object per line to `log.jsonl`, from which a training can be plotted.

    Lines wait until there is a folder, which a training makes when it starts, and room: a full disk ends no training.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "log.jsonl"
        self._waiting, self._is_full = b"", False

    def message(self, text: str) -> None:
        """Record a message."""
        self._write({"message": text})

    def status(self, status: Status) -> None:
        """Record a status."""
        self._write(asdict(status))

    def validation(self, validation: Validation) -> None:
        """Record a validation, without its pictures."""
        self._write({"step": validation.step, "psnr_y": validation.psnr_y})

    def close(self) -> None:
        """Write what still waits."""
        self._flush()

    def _write(self, entry: dict[str, Any]) -> None:
        self._waiting += json.dumps(entry).encode() + b"\n"
        self._flush()

    def _flush(self) -> None:
        """Append what waits, as far as that can be; warn where it cannot, once until it can again."""
        if not (self._waiting and self._path.parent.is_dir()):
            return
        try:
            with self._path.open("ab", buffering=0) as file:
                while self._waiting:
                    self._waiting = self._waiting[file.write(self._waiting) :]
            self._is_full = False
        except OSError as error:
            if not self._is_full:
                _log.warning("%s lacks its last lines (%s); free space there", self._path, error.strerror)
            self._is_full = True


def figures(status: Status) -> str:
    """Write the figures of a status in one line."""
    kind = DENSE if status.dilation is None else f"dilation {status.dilation}"
    return f"loss {status.loss:.5f} {kind} {status.patches_per_second:.0f} patches/s"


def clock(seconds: float) -> str:
    """Write seconds as h:mm:ss."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}"


def default_reporters(folder: Path, tensorboard: bool | None = None, quiet: bool = False) -> Reporters:
    """Make the default reporters: a bar on a terminal, lines elsewhere; the log file; TensorBoard where installed.

    Args:
        folder: folder of the run.
        tensorboard: true requires it, false leaves it out, None uses it where it is installed, and says so where not.
        quiet: show nothing.

    Raises:
        MissingDependencyError: TensorBoard is required and not installed.
    """
    has_curves = is_installed() if tensorboard is None else tensorboard
    curves = [TensorBoardReporter(folder)] if has_curves else []
    screen = Reporter() if quiet else screen_reporter()
    if tensorboard is None and not has_curves:
        screen.message(f"TensorBoard is not installed: this run writes no curves; run: {install_extra('train')}")
    return Reporters(screen, LogReporter(folder), *curves)


def screen_reporter() -> Reporter:
    """Make a bar on a terminal; lines elsewhere and where rich is missing."""
    try:
        from rich.console import Console
    except ModuleNotFoundError:
        return LineReporter(flushed_print)
    console = Console()
    return BarReporter(console) if console.is_terminal else LineReporter(flushed_print)


def flushed_print(text: str) -> None:
    """Print a line so that it arrives at once in a pipe too."""
    print(text, flush=True)
